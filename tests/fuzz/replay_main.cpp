// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over the files and folders it is given, where there is no fuzzer to link.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

int replay(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path)) count += replay(entry);
    return count;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  // Also cut off anywhere: the commonest damage.
  for (std::size_t size = bytes.size() < 2000 ? 0 : bytes.size(); size <= bytes.size(); ++size)
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), size);
  return 1;
}

}  // namespace

int main(int count, char** words) {
  int files = 0;
  for (int i = 1; i < count; ++i) files += replay(words[i]);
  std::printf("%d files\n", files);
  return files > 0 ? 0 : 1;
}
