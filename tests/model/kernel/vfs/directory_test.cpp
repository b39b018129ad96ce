// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/directory.h"

#include <catch2/catch.hpp>

#include "model/kernel/vfs/file_system.h"

using namespace iodrome;
using namespace iodrome::kernel;

TEST_CASE("a name takes the first gap that holds it, and no two blocks") {
  Directory names;
  Inode inode;
  names.insert("abcd", inode);          // 12 bytes at 24
  names.insert("abcdefghijkl", inode);  // 20 at 36
  names.insert("z", inode);             // 12 at 56
  CHECK(names.place_of("abcd") == 24);
  CHECK(names.place_of("abcdefghijkl") == 36);
  CHECK(names.place_of("z") == 56);
  names.erase("abcdefghijkl");
  CHECK(names.room_for("abcdefghijklm") == 68);
  names.insert("b", inode);
  CHECK(names.place_of("b") == 36);
  CHECK(names.room_for("c") == 68);  // 8 bytes are left
  names.erase("b");
  names.erase("abcd");
  CHECK(names.room_for(std::string(24, 'n')) == 24);  // both gaps are one
  names.erase("z");
  CHECK(names.empty());
  for (int i = 0; i < 15; ++i) names.insert(std::string(247, 'n') + std::to_string(100 + i), inode);
  CHECK(names.size_bytes() == 4096);
  names.insert(std::string(255, 'x'), inode);
  CHECK(names.place_of(std::string(255, 'x')) == 4096);
  CHECK(names.size_bytes() == 8192);
}

TEST_CASE("names that come and go leave every record in its own bytes") {
  Directory names;
  Inode inode;
  std::uint64_t random = 1;
  std::map<std::string, int> model;
  for (int turn = 0; turn < 3000; ++turn) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    const std::string name(1 + (random >> 33) % 255, static_cast<char>('a' + (random >> 20) % 3));
    if (model.erase(name) != 0) {
      names.erase(name);
    } else {
      names.insert(name, inode);
      model[name] = 1;
    }
    std::uint64_t end = Directory::kFirst;
    for (const auto& [place, entry] : names.entries()) {
      REQUIRE(place >= end);
      end = place + Directory::record_bytes(entry.name);
      REQUIRE((end - 1) / 4096 == place / 4096);
      REQUIRE(model.contains(entry.name));
    }
    REQUIRE(names.entries().size() == model.size());
    REQUIRE(end <= names.size_bytes());
  }
}

TEST_CASE("paths that no tree of names has are names by themselves") {
  FileSystem files(1 << 20, true);
  const auto add = [&](const char* path) { return files.add_file(path, 0, Inode::Metadata::cold); };
  for (const char* path : {"/", "/a", "/a/b", "/d/c", "/d", "/d/", "/d//c", "d/c", "/d/../x"})
    REQUIRE(add(path));
  for (const char* path : {"/", "/a", "/a/b", "/d/c", "/d", "/d/", "/d//c", "d/c", "/d/../x"}) {
    CHECK(add(path) == fail(Errno::eexist));
    CHECK((*files.lookup(path))->path == path);
  }
  CHECK(files.file_count() == 9);
}
