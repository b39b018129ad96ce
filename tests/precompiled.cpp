// SPDX-License-Identifier: Apache-2.0
// Where precompiled.h is compiled. Nothing links it: unoptimised, the header's inline code needs
// the kernel.
