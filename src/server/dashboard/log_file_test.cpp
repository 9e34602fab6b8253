#include "server/dashboard/log_file.hpp"

#include <gtest/gtest.h>

#include "os/files.hpp"

namespace aphex::server {
namespace {

class LogFile : public ::testing::Test {
 protected:
  LogFile()
      : directory_(std::move(*os::TemporaryDirectory::create("/tmp", "aphex-log-"))),
        file_(directory_.path() / "step.log") {}

  void write(const std::string& text) { ASSERT_TRUE(os::write_file_atomic(file_, text)); }

  std::vector<std::string> shown(const WindowWish& wish) {
    std::vector<std::string> lines;
    const Result<LogWindow> window = read_window(file_, wish);
    if (!window) return {"no window"};
    for (const ShownLine& line : window->lines)
      lines.push_back(std::to_string(line.number) + " " + line.html);
    return lines;
  }

  os::TemporaryDirectory directory_;
  std::filesystem::path file_;
};

using Lines = std::vector<std::string>;

TEST_F(LogFile, IsShownFromItsBeginningOrItsEnd) {
  write("one\ntwo\nthree\nfour\n");
  EXPECT_EQ(shown({.first = 2, .count = 2}), (Lines{"2 two", "3 three"}));
  EXPECT_EQ(shown({.count = 2, .from_end = true}), (Lines{"3 three", "4 four"}));
  EXPECT_EQ(shown({.first = 9}), Lines{});
  EXPECT_EQ(read_window(file_, {})->total, 4U);
}

TEST_F(LogFile, ALineWithoutAnEndIsShownWhenNothingMoreComes) {
  write("one\ntwo");
  EXPECT_EQ(shown({}), (Lines{"1 one", "2 two"}));
  EXPECT_EQ(shown({.growing = true}), Lines{"1 one"});
  EXPECT_EQ(read_window(file_, {})->total, 2U);
  EXPECT_EQ(read_window(file_, {.growing = true})->total, 1U);
}

TEST_F(LogFile, ColoursThatBeganBeforeTheWindowGoOnInIt) {
  write("\x1b[31mred begins\nstill red\n");
  EXPECT_EQ(shown({.first = 2}), Lines{"2 <span class=\"f1\">still red</span>"});
}

TEST_F(LogFile, OfAHugeLineTheBeginningIsShown) {
  write(std::string(3'000'000, 'x') + "\nnext\n");
  const Lines lines = shown({});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_LT(lines[0].size(), kMostLineBytes + 100);
  EXPECT_NE(lines[0].find("3.0 MB more of this line are in the raw log"), std::string::npos)
      << lines[0].substr(kMostLineBytes);
  EXPECT_EQ(lines[1], "2 next");
}

TEST_F(LogFile, AWindowIsBoundedInBytesToo) {
  std::string text;
  for (int i = 0; i < 1'000; ++i)
    text += std::string(5'000, '<') + "\n";
  write(text);
  std::size_t bytes = 0;
  const Result<LogWindow> window = read_window(file_, {});
  for (const ShownLine& line : window->lines)
    bytes += line.html.size();
  EXPECT_LT(bytes, 1'100'000U);
  EXPECT_EQ(window->total, 1'000U);
}

TEST_F(LogFile, SearchFindsWhatAPersonReads) {
  write("Error: <none>\n\x1b[31mERR\x1b[1mOR\x1b[0m again\nfine\nerror error\n");
  const Result<LogMatches> matches = search_log(file_, "error");
  ASSERT_EQ(matches->total, 3U);
  EXPECT_EQ(matches->lines[0].html, "<mark>Error</mark>: &lt;none&gt;");
  EXPECT_EQ(matches->lines[1].html, "<mark>ERROR</mark> again");
  EXPECT_EQ(matches->lines[2].number, 4U);
  EXPECT_EQ(search_log(file_, "")->total, 0U);
}

TEST_F(LogFile, AReaderGoesOnWhereTheFileGrew) {
  write("one\nha");
  Result<LineReader> reader = LineReader::open(file_);
  std::string_view line;
  ASSERT_EQ(reader->next(line), LineReader::Got::line);
  EXPECT_EQ(reader->next(line), LineReader::Got::nothing);
  EXPECT_EQ(reader->unfinished(), "ha");
  std::ofstream(file_, std::ios::app) << "lf\nmore\n";
  ASSERT_EQ(reader->next(line), LineReader::Got::line);
  EXPECT_EQ(line, "half");
  EXPECT_EQ(reader->number(), 2U);
  ASSERT_EQ(reader->next(line), LineReader::Got::line);
  EXPECT_EQ(line, "more");
}

TEST_F(LogFile, OneThatIsNotThereIsNotFound) {
  EXPECT_EQ(read_window(file_, {}).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace aphex::server
