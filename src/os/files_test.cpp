#include "os/files.hpp"

#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace aphex::os {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    auto created = TemporaryDirectory::create(fs::temp_directory_path(), "aphex-files-");
    ASSERT_TRUE(created);
    directory_.emplace(std::move(*created));
  }

  fs::path at(const std::string& name) const { return directory_->path() / name; }

  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories(at(name).parent_path());
    std::ofstream(at(name)) << text;
    return at(name);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(directory_->path())) {
      found.push_back(entry.path().lexically_relative(directory_->path()).string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  static unsigned mode_of(const fs::path& path) {
    struct stat status {};
    ::lstat(path.c_str(), &status);
    return status.st_mode & 07777;
  }

  std::optional<TemporaryDirectory> directory_;
};

// Runs `work` in a child, without root's rights where we have them; its answer is the result.
template <typename Work>
bool holds_in_unprivileged_child(const Work& work) {
  constexpr uid_t kNobody = 65534;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// ---- reading and writing ----

TEST_F(Files, AFileReadsBackAsWritten) {
  std::string data("with\0zero", 9);
  data += std::string(200'000, 'x');
  ASSERT_TRUE(write_file_atomic(at("deep/er/file"), data));
  EXPECT_TRUE(read_file(at("deep/er/file")).value() == data);
}

TEST_F(Files, AnEmptyFileReadsAsEmpty) {
  EXPECT_EQ(read_file(write("empty", "")).value(), "");
}

TEST_F(Files, AFileThatClaimsNoSizeIsReadWhole) {
  EXPECT_NE(read_file("/proc/self/status").value().find("Name:"), std::string::npos);
}

TEST_F(Files, TheBoundIsTheLargestSizeThatIsRead) {
  write("ten", "0123456789");
  EXPECT_TRUE(read_file(at("ten"), 10));
  const auto refused = read_file(at("ten"), 9);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            at("ten").string() + " is larger than 9 B, the most that is read");
  EXPECT_FALSE(read_file("/dev/zero", 1000));
}

TEST_F(Files, AMissingFileAndADirectoryAreErrorsThatNameThePath) {
  const auto missing = read_file(at("absent"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_EQ(missing.error().message,
            "cannot open " + at("absent").string() + ": No such file or directory");
  EXPECT_FALSE(read_file(directory_->path()));
}

TEST_F(Files, WritingSetsTheModeAndLeavesNoTemporary) {
  ASSERT_TRUE(write_file_atomic(at("key"), "old", 0644));
  ASSERT_TRUE(write_file_atomic(at("key"), "new", 0600));
  EXPECT_EQ(mode_of(at("key")), 0600U);
  EXPECT_EQ(read_file(at("key")).value(), "new");
  EXPECT_EQ(names(), std::vector<std::string>{"key"});
}

TEST_F(Files, AFailedWriteKeepsWhatWasThereAndCleansUp) {
  fs::create_directory(at("target"));  // a file cannot replace a directory
  const auto status = write_file_atomic(at("target"), "data");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "cannot write " + at("target").string());
  EXPECT_EQ(names(), std::vector<std::string>{"target"});
}

TEST_F(Files, ReadersSeeTheOldOrTheNewFileNeverHalf) {
  const std::string old_text(100'000, 'o');
  const std::string new_text(150'000, 'n');
  ASSERT_TRUE(write_file_atomic(at("file"), old_text));
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!stop) {
      const auto text = read_file(at("file"));
      if (!text || (*text != old_text && *text != new_text)) ++torn;
    }
  });
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(write_file_atomic(at("file"), i % 2 == 0 ? new_text : old_text));
  }
  stop = true;
  reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_F(Files, ADirectoryIsNotMadeWhereAFileStands) {
  write("file", "");
  EXPECT_FALSE(make_directories(at("file")));
  EXPECT_FALSE(make_directories(at("file/below")));
  EXPECT_TRUE(make_directories(at("a/b/c")));
  EXPECT_TRUE(make_directories(at("a/b/c")));
}

// ---- removing ----

TEST_F(Files, RemovingNothingIsFine) {
  EXPECT_TRUE(remove_tree(at("absent")));
}

TEST_F(Files, RemovingATreeSparesWhatItsLinksPointTo) {
  write("precious/file", "keep me");
  write("tree/sub/file", "");
  fs::create_directory_symlink(at("precious"), at("tree/sub/link"));
  fs::create_symlink("/nowhere", at("tree/dangling"));
  ASSERT_TRUE(remove_tree(at("tree")));
  EXPECT_EQ(names(), (std::vector<std::string>{"precious", "precious/file"}));

  fs::create_directory_symlink(at("precious"), at("link"));
  ASSERT_TRUE(remove_tree(at("link")));
  EXPECT_EQ(names(), (std::vector<std::string>{"precious", "precious/file"}));
}

TEST_F(Files, RemovesWriteProtectedAndUnreadableDirectories) {
  fs::permissions(directory_->path(), fs::perms::all);
  EXPECT_TRUE(holds_in_unprivileged_child([&] {
    write("tree/protected/file", "");
    write("tree/closed/sub/file", "");
    ::chmod(at("tree/protected").c_str(), 0500);
    ::chmod(at("tree/closed").c_str(), 0000);
    ::chmod(at("tree").c_str(), 0500);
    return remove_tree(at("tree")).has_value();
  }));
  EXPECT_EQ(names(), std::vector<std::string>{});
}

TEST_F(Files, RefusalToRemoveNamesThePlace) {
  write("theirs/file", "");
  ::chmod(directory_->path().c_str(), 0755);
  ::chmod(at("theirs").c_str(), 0700);
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to own files that the child does not";
  EXPECT_TRUE(holds_in_unprivileged_child([&] {
    const auto status = remove_tree(at("theirs"));
    return !status && status.error().code == ErrorCode::permission &&
           status.error().message.find(at("theirs").string()) != std::string::npos;
  }));
}

TEST_F(Files, RemovesATreeDeeperThanAnyPathMayBeLong) {
  // In memory where we can: ext4 takes milliseconds for each mkdir of such a chain.
  const fs::path memory = "/dev/shm";
  const bool in_memory = ::access(memory.c_str(), W_OK) == 0;
  const auto place = TemporaryDirectory::create(in_memory ? memory : at("deep"), "aphex-deep-");
  ASSERT_TRUE(place);
  int parent = ::open(place->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 1500; ++i) {
    ASSERT_EQ(::mkdirat(parent, "level", 0755), 0);
    const int child = ::openat(parent, "level", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::close(parent);
    parent = child;
  }
  ::close(parent);
  ASSERT_TRUE(remove_tree(place->path() / "level"));
  EXPECT_TRUE(fs::is_empty(place->path()));
}

// ---- copying ----

TEST_F(Files, ACopyKeepsModesTimesLinksAndBytes) {
  const std::string big(3'000'000, 'b');
  write("from/sub/big", big);
  write("from/run.sh", "#!/bin/sh\n");
  write("from/empty", "");
  ::chmod(at("from/run.sh").c_str(), 0751);
  fs::create_symlink("../elsewhere", at("from/sub/link"));
  fs::create_directory(at("from/hollow"));
  ::chmod(at("from/sub").c_str(), 0555);
  const auto past = fs::file_time_type::clock::now() - std::chrono::hours(48);
  fs::last_write_time(at("from/run.sh"), past);

  const auto copied = copy_tree(at("from"), at("to/here"));
  ASSERT_TRUE(copied) << describe(copied.error());
  EXPECT_TRUE(read_file(at("to/here/sub/big")).value() == big);
  EXPECT_EQ(mode_of(at("to/here/run.sh")), 0751U);
  EXPECT_EQ(mode_of(at("to/here/sub")), 0555U);
  EXPECT_EQ(fs::last_write_time(at("to/here/run.sh")), fs::last_write_time(at("from/run.sh")));
  EXPECT_EQ(fs::read_symlink(at("to/here/sub/link")), "../elsewhere");
  EXPECT_TRUE(fs::is_empty(at("to/here/hollow")));
  EXPECT_EQ(fs::file_size(at("to/here/empty")), 0U);
}

TEST_F(Files, ACopyReplacesFilesAndDoesNotWriteThroughLinks) {
  write("from/file", "new");
  write("to/other", "stays");
  write("outside", "untouched");
  fs::create_symlink(at("outside"), at("to/file"));
  ASSERT_TRUE(copy_tree(at("from"), at("to")));
  EXPECT_EQ(read_file(at("to/file")).value(), "new");
  EXPECT_EQ(read_file(at("to/other")).value(), "stays");
  EXPECT_EQ(read_file(at("outside")).value(), "untouched");
}

TEST_F(Files, ACopyIntoItselfIsRefused) {
  write("from/file", "");
  EXPECT_FALSE(copy_tree(at("from"), at("from/sub/copy")));
  EXPECT_FALSE(copy_tree(at("from"), at("from")));
  EXPECT_FALSE(fs::exists(at("from/sub")));
  EXPECT_TRUE(copy_tree(at("from"), at("from-too")));
}

TEST_F(Files, ACopyNamesTheFileThatItCannotTake) {
  fs::create_directories(at("from/sub"));
  ASSERT_EQ(::mkfifo(at("from/sub/pipe").c_str(), 0600), 0);
  const auto copied = copy_tree(at("from"), at("to"));
  ASSERT_FALSE(copied);
  EXPECT_EQ(describe(copied.error()), "cannot copy " + at("from/sub/pipe").string() +
                                          ": it is a device, a socket or a named pipe");
}

TEST_F(Files, TheSizeOfATreeIsThatOfItsFiles) {
  write("tree/a", "12345");
  write("tree/sub/b", "678");
  fs::create_symlink(at("tree/a"), at("tree/link"));
  EXPECT_EQ(tree_size_bytes(at("tree")), 8U);
  EXPECT_EQ(tree_size_bytes(at("absent")), 0U);
}

// ---- temporary directories ----

TEST_F(Files, ATemporaryDirectoryGoesWithItsObject) {
  fs::path path;
  {
    auto first = TemporaryDirectory::create(at("tmp"), "run-");
    ASSERT_TRUE(first);
    path = first->path();
    EXPECT_TRUE(path.filename().string().starts_with("run-"));
    EXPECT_EQ(mode_of(path), 0700U);
    std::ofstream(path / "file") << "x";
    const TemporaryDirectory moved = std::move(*first);
    EXPECT_EQ(moved.path(), path);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Files, AssigningATemporaryDirectoryRemovesTheOldOne) {
  auto first = TemporaryDirectory::create(at("tmp"), "a-").value();
  auto second = TemporaryDirectory::create(at("tmp"), "b-").value();
  const auto old_path = first.path();
  const auto new_path = second.path();
  first = std::move(second);
  EXPECT_FALSE(fs::exists(old_path));
  EXPECT_EQ(first.path(), new_path);
  EXPECT_TRUE(fs::exists(new_path));
}

TEST_F(Files, AReleasedTemporaryDirectoryStays) {
  fs::path path;
  {
    auto temporary = TemporaryDirectory::create(at("tmp"), "run-").value();
    path = temporary.release();
  }
  EXPECT_TRUE(fs::exists(path));
}

// ---- locks ----

bool another_process_gets_the_lock(const fs::path& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::try_acquire(path);
    ::_exit(lock && lock->has_value() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(Files, ALockIsHeldAgainstEverybodyUntilItsObjectEnds) {
  {
    auto lock = FileLock::try_acquire(at("run.lock"));
    ASSERT_TRUE(lock && lock->has_value());
    EXPECT_FALSE(another_process_gets_the_lock(at("run.lock")));
    const auto again = FileLock::try_acquire(at("run.lock"));
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->has_value());
    const FileLock moved = std::move(**lock);
    EXPECT_FALSE(another_process_gets_the_lock(at("run.lock")));
  }
  EXPECT_TRUE(another_process_gets_the_lock(at("run.lock")));
}

TEST_F(Files, ALockOfAKilledProcessIsFree) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const auto lock = FileLock::try_acquire(at("run.lock"));
    const char answer = lock && lock->has_value() ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) == 1) ::pause();
    ::_exit(1);
  }
  char answer = '?';
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FALSE(FileLock::try_acquire(at("run.lock"))->has_value());
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  EXPECT_TRUE(FileLock::try_acquire(at("run.lock"))->has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(Files, ALockInAPlaceThatCannotBeIsAnError) {
  write("file", "");
  EXPECT_FALSE(FileLock::try_acquire(at("file/lock")));
}

}  // namespace
}  // namespace aphex::os
