#pragma once
// A file that the cdk command line uploads to the bootstrap bucket before it deploys the stack.

#include <filesystem>
#include <string>

#include "aphex/construct.hpp"
#include "aphex/stack.hpp"
#include "aphex/value.hpp"

namespace aphex {

struct FileAssetProps {
  // Either the bytes, or a file with its hash: synthesis reads no file, writing the assembly copies
  // it and refuses one that no longer has this hash.
  std::string content = {};
  std::filesystem::path path = {};
  std::string sha256 = {};  // of the file at `path`, lower-case hexadecimal
  // With the dot: ".yaml", ".zip". By default that of `path`. A ".zip" is one already.
  std::string extension = {};
};

// One object for one content: two assets of the same bytes share it.
class FileAsset : public Construct {
 public:
  FileAsset(Construct& scope, std::string id, FileAssetProps props);

  const std::string& sha256() const { return sha256_; }
  // "asset.<sha256>.yaml" in the assembly.
  std::string file_name() const;
  const FileAssetProps& props() const { return props_; }

  // For properties of resources in this stack.
  Value bucket_name() const;
  Value object_key() const;
  Value s3_object_url() const;  // s3://bucket/key
  Value http_url() const;       // https://s3.region.amazonaws.com/bucket/key

  std::string_view type_name() const override { return "aphex.FileAsset"; }
  ConstructKind kind() const override { return ConstructKind::asset; }

 private:
  FileAssetProps props_;
  std::string sha256_;
};

}  // namespace aphex
