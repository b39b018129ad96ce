// SPDX-License-Identifier: Apache-2.0
// libFuzzer brings main(); Debian's SystemC library expects sc_main from whoever links it.
extern "C" __attribute__((visibility("default"))) int sc_main(int, char**);

int sc_main(int, char**) {
  return 0;
}
