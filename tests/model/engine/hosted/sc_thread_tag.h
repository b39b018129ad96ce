// SPDX-License-Identifier: Apache-2.0
// Once an SC_THREAD has run, the address sanitizer is wrong about the bounds of the stack and takes
// the next exception for an overflow. Tests with threads hide from it.
#pragma once
#if defined(__SANITIZE_ADDRESS__)
#define IODROME_SC_THREAD "[.sc_thread]"
#else
#define IODROME_SC_THREAD "[sc_thread]"
#endif
