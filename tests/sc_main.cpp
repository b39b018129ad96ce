// SPDX-License-Identifier: Apache-2.0
// Debian's SystemC library defines main() and expects sc_main from whoever links it.
extern "C" __attribute__((visibility("default"))) int sc_main(int, char**) {
  return 0;
}
