// SPDX-License-Identifier: Apache-2.0
// RLIMIT_FSIZE.
#include "tests/model/kernel/vfs/writing.h"

using namespace iodrome;
using namespace iodrome::kernel;

TEST_CASE("a write that begins at the size limit is EFBIG and a signal, one before it is cut") {
  for (const bool direct : {false, true}) {
    CAPTURE(direct);
    Writing s;
    Inode& inode = s.file("/f", 16'384);
    const FilePtr file = s.open(inode);
    s.files.fsize_limit = 8'192;
    CHECK(s.write(file, 8'192, 512, 1, direct) == fail(Errno::efbig));
    CHECK(s.write(file, 1 << 20, 512, 1, direct) == fail(Errno::efbig));
    CHECK(s.files.sigxfsz == 2);
    CHECK(s.write(file, 4'096, 8'192, 1, direct) == 4'096);
    CHECK(s.write(file, 8'192, 0, 1, direct) == 0);
    CHECK(s.files.sigxfsz == 2);
    CHECK(Writing::all_are(s.read(file, 4'096, 4'096), 1));
    CHECK(s.read(file, 8'192, 8'192) == Writing::original(inode, 8'192, 8'192));
    CHECK_FALSE(inode.lock.held());
  }
}

TEST_CASE("appending meets the size limit at the end of the file") {
  for (const bool direct : {false, true}) {
    CAPTURE(direct);
    Writing s;
    const FilePtr file = s.open(s.file("/f", 4'096));
    file->append = true;
    s.files.fsize_limit = 8'192;
    CHECK(s.write(file, 1 << 20, 8'192, 1, direct) == 4'096);
    CHECK(s.files.sigxfsz == 0);
    CHECK(s.write(file, 0, 512, 1, direct) == fail(Errno::efbig));
    CHECK(s.files.sigxfsz == 1);
    CHECK(file->inode->size_bytes == 8'192);
  }
}

TEST_CASE("a direct write that the size limit leaves unaligned is EINVAL") {
  Writing s;
  const FilePtr file = s.open(s.file("/f", 8'192));
  s.files.fsize_limit = 1'000;
  CHECK(s.write(file, 0, 4'096, 1, true) == fail(Errno::einval));
  CHECK(s.write(file, 0, 512, 1, true) == 512);
  CHECK(s.files.sigxfsz == 0);
}

TEST_CASE("ftruncate meets the size limit where a file would grow, and nowhere else") {
  Writing s;
  Inode& inode = s.file("/f", 16'384);
  const FilePtr file = s.open(inode);
  s.files.fsize_limit = 8'192;
  CHECK(s.truncate(file, 16'385) == fail(Errno::efbig));
  CHECK(s.files.sigxfsz == 1);
  CHECK(inode.size_bytes == 16'384);
  CHECK(s.truncate(file, 12'000) == 0);  // beyond the limit, but shorter
  CHECK(s.truncate(file, 100) == 0);
  CHECK(s.truncate(file, 8'192) == 0);
  CHECK(s.truncate(file, 8'193) == fail(Errno::efbig));
  CHECK(s.files.sigxfsz == 2);
  s.files.fsize_limit = FileSystem::kNoLimit;
  CHECK(s.truncate(file, s.files.max_file_bytes + 1) == fail(Errno::efbig));
  CHECK(s.files.sigxfsz == 2);
  CHECK_FALSE(inode.lock.held());
}
