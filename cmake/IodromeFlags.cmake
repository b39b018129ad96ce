# SPDX-License-Identifier: Apache-2.0
# Flags of every target: warnings are errors; nothing here may change a result between machines
# (no -march=native, no -ffast-math, no fused multiply-add).
add_library(iodrome_flags INTERFACE)
target_compile_options(iodrome_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Werror -ffp-contract=off)
# GCC 12 warns of copies in std::string and small_vector that cannot happen (GCC bugs 105651 and
# 107852), also at -O1, there by the length of the checkout's path.
set(gcc12 "$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>")
target_compile_options(iodrome_flags INTERFACE
  "$<$<AND:${gcc12}>:-Wno-restrict;-Wno-stringop-overflow;-Wno-array-bounds>")
if(IODROME_SANITIZE)
  target_compile_options(iodrome_flags INTERFACE
    -fsanitize=${IODROME_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    -DIODROME_SANITIZED)
  target_link_options(iodrome_flags INTERFACE -fsanitize=${IODROME_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)  # 14 cannot emit it for coroutines
    target_compile_options(iodrome_flags INTERFACE -fno-sanitize=function)
  endif()
endif()
if(IODROME_BUILD_FUZZ)
  target_compile_options(iodrome_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
