#include "store/archive_source.hpp"

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/sha256.hpp"
#include "store/archive_gzip.hpp"
#include "store/archive_tar.hpp"
#include "store/pending_file.hpp"

namespace aphex::store {
namespace {

constexpr std::size_t kMembersPerWorker = 3;

using Piece = std::future<Result<std::string>>;

class MemberSource final : public TarSource {
 public:
  MemberSource(Descriptor file, WorkerPool& pool) : file_(std::move(file)), pool_(pool) {
    decompressors_.resize(pool.size());
  }
  // The tasks refer to this object.
  ~MemberSource() override {
    for (Piece& piece : in_flight_)
      piece.wait();
  }

  Result<std::string> next() override {
    while (!ended_ && in_flight_.size() < kMembersPerWorker * pool_.size())
      APHEX_CHECK(submit_next());
    if (in_flight_.empty()) return std::string();
    Piece piece = std::move(in_flight_.front());
    in_flight_.pop_front();
    return piece.get();
  }

  std::uint64_t compressed_bytes() const override { return offset_; }
  std::string sha256_hex() override { return to_hex(hash_.finish()); }

 private:
  static tl::unexpected<Error> truncated() {
    return fail(ErrorCode::corrupt, "it ends in the middle");
  }

  Status submit_next() {
    std::string start(kMemberHeaderBytes, '\0');
    APHEX_TRY(const std::size_t count, read_at(file_.get(), start.data(), start.size(), offset_));
    if (count < start.size()) return truncated();
    const auto header = parse_member_header(start);
    if (!header) return fail(ErrorCode::corrupt, "a member's header is damaged");
    auto member = std::make_shared<std::string>(header->member_bytes, '\0');
    APHEX_TRY(const std::size_t size,
              read_at(file_.get(), member->data(), member->size(), offset_));
    if (size < member->size()) return truncated();
    hash_.update(*member);
    offset_ += member->size();
    if (header->place == MemberPlace::last) {
      ended_ = true;
      char extra = 0;
      APHEX_TRY(const std::size_t more, read_at(file_.get(), &extra, 1, offset_));
      if (more > 0) return fail(ErrorCode::corrupt, "there are bytes behind its end");
    }
    in_flight_.push_back(pool_.submit([this, member](unsigned worker) {
      auto& decompressor = decompressors_[worker];
      if (!decompressor) decompressor.emplace();
      return decompressor->decompress(*member);
    }));
    return {};
  }

  Descriptor file_;
  WorkerPool& pool_;
  std::vector<std::optional<MemberDecompressor>> decompressors_;  // one per worker
  std::deque<Piece> in_flight_;
  std::size_t offset_ = 0;
  bool ended_ = false;
  Sha256 hash_;
};

// One task at a time, each begun when the one before it is taken.
class StreamSource final : public TarSource {
 public:
  StreamSource(Descriptor file, WorkerPool& pool)
      : file_(std::move(file)), pool_(pool), stream_(file_.get()) {}
  ~StreamSource() override {
    if (ahead_) ahead_->wait();
  }

  Result<std::string> next() override {
    if (ended_) return std::string();
    if (!ahead_) submit();
    auto piece = ahead_->get();
    ahead_.reset();
    if (!piece) return piece;
    if (piece->empty()) {
      ended_ = true;
      // Without the marker nobody can tell a whole archive from one cut between two entries.
      if (tail_.find_first_not_of('\0') != std::string::npos || tail_.size() < kTarEndBytes)
        return fail(ErrorCode::corrupt, "it ends without the end marker of a tar archive");
      return piece;
    }
    tail_.append(*piece, piece->size() - std::min(piece->size(), kTarEndBytes));
    if (tail_.size() > kTarEndBytes) tail_.erase(0, tail_.size() - kTarEndBytes);
    submit();
    return piece;
  }

  std::uint64_t compressed_bytes() const override { return stream_.compressed_bytes(); }
  std::string sha256_hex() override { return stream_.sha256_hex(); }

 private:
  void submit() {
    ahead_ = pool_.submit([this](unsigned) { return stream_.next(); });
  }

  Descriptor file_;
  WorkerPool& pool_;
  GzipStream stream_;
  std::optional<Piece> ahead_;
  bool ended_ = false;
  std::string tail_;  // the last kTarEndBytes of the stream
};

class BoundedSource final : public TarSource {
 public:
  BoundedSource(std::unique_ptr<TarSource> inner, std::uint64_t max_bytes)
      : inner_(std::move(inner)), left_(max_bytes) {}

  Result<std::string> next() override {
    auto piece = inner_->next();
    if (!piece) return piece;
    if (piece->size() > left_)
      return fail(ErrorCode::corrupt, "it inflates to more bytes than its entries may have");
    left_ -= piece->size();
    return piece;
  }
  std::uint64_t compressed_bytes() const override { return inner_->compressed_bytes(); }
  std::string sha256_hex() override { return inner_->sha256_hex(); }

 private:
  std::unique_ptr<TarSource> inner_;
  std::uint64_t left_;
};

}  // namespace

Result<std::unique_ptr<TarSource>> open_tar_source(const std::filesystem::path& archive,
                                                   WorkerPool& pool, std::uint64_t max_bytes) {
  APHEX_TRY(Descriptor file, open_for_reading(archive));
  std::string start(kMemberHeaderBytes, '\0');
  APHEX_TRY(const std::size_t count, read_at(file.get(), start.data(), start.size(), 0));
  start.resize(count);
  std::unique_ptr<TarSource> source;
  if (parse_member_header(start)) {
    source = std::make_unique<MemberSource>(std::move(file), pool);
  } else if (start.starts_with("\x1f\x8b")) {
    source = std::make_unique<StreamSource>(std::move(file), pool);
  } else {
    return fail(ErrorCode::corrupt, "it is not a gzip file");
  }
  return std::make_unique<BoundedSource>(std::move(source), max_bytes);
}

}  // namespace aphex::store
