// SPDX-License-Identifier: Apache-2.0
// Signals by Linux's numbers, sets of them, and what each carries.
#pragma once
#include <bit>
#include <cstdint>

namespace iodrome::kernel {

inline constexpr std::int32_t kSigInt = 2;
inline constexpr std::int32_t kSigQuit = 3;
inline constexpr std::int32_t kSigAbrt = 6;
inline constexpr std::int32_t kSigKill = 9;
inline constexpr std::int32_t kSigUsr1 = 10;
inline constexpr std::int32_t kSigSegv = 11;
inline constexpr std::int32_t kSigUsr2 = 12;
inline constexpr std::int32_t kSigPipe = 13;
inline constexpr std::int32_t kSigTerm = 15;
inline constexpr std::int32_t kSigChld = 17;
inline constexpr std::int32_t kSigCont = 18;
inline constexpr std::int32_t kSigStop = 19;
inline constexpr std::int32_t kSigTstp = 20;
inline constexpr std::int32_t kSigTtin = 21;
inline constexpr std::int32_t kSigTtou = 22;
inline constexpr std::int32_t kSigUrg = 23;
inline constexpr std::int32_t kSigXfsz = 25;
inline constexpr std::int32_t kSigWinch = 28;
inline constexpr std::int32_t kSigIo = 29;
/// The kernel's first real-time signal; the C library keeps two of them for itself.
inline constexpr std::int32_t kSigRtMin = 32;
inline constexpr std::int32_t kSigMax = 64;

/// sigset_t.
class SigSet {
 public:
  constexpr SigSet() = default;
  constexpr explicit SigSet(std::uint64_t bits) : bits_(bits) {}
  /// Numbers from 1 to 64.
  template <class... Numbers>
  static constexpr SigSet of(Numbers... numbers) {
    SigSet set;
    (set.add(numbers), ...);
    return set;
  }

  constexpr bool has(std::int32_t number) const { return (bits_ & bit(number)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  /// The lowest number; of an empty set 65.
  constexpr std::int32_t lowest() const { return std::countr_zero(bits_) + 1; }
  constexpr void add(std::int32_t number) { bits_ |= bit(number); }
  constexpr void remove(std::int32_t number) { bits_ &= ~bit(number); }
  constexpr SigSet operator|(SigSet other) const { return SigSet(bits_ | other.bits_); }
  constexpr SigSet operator&(SigSet other) const { return SigSet(bits_ & other.bits_); }
  constexpr SigSet operator~() const { return SigSet(~bits_); }
  constexpr bool operator==(const SigSet&) const = default;

 private:
  static constexpr std::uint64_t bit(std::int32_t number) {
    return std::uint64_t{1} << static_cast<std::uint32_t>(number - 1);
  }
  std::uint64_t bits_ = 0;
};

/// What cannot be blocked, ignored or caught.
inline constexpr SigSet kSigKernelOnly = SigSet::of(kSigKill, kSigStop);
/// What is ignored unless somebody asks for it.
inline constexpr SigSet kSigIgnoredByDefault = SigSet::of(kSigChld, kSigCont, kSigUrg, kSigWinch);
/// SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS: what a thread does to itself comes first.
inline constexpr SigSet kSigSynchronous = SigSet::of(4, 5, 7, 8, kSigSegv, 31);

/// What stops the process unless somebody catches or ignores it.
inline constexpr SigSet kSigStops = SigSet::of(kSigStop, kSigTstp, kSigTtin, kSigTtou);
/// What ends it with a core dump: SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV,
/// SIGXCPU, SIGXFSZ, SIGSYS.
inline constexpr SigSet kSigDumpsCore =
    SigSet::of(kSigQuit, 4, 5, kSigAbrt, 7, 8, kSigSegv, 24, 25, 31);

/// signal(7): what a signal does that is neither caught nor ignored. SIGCONT's going on is no
/// action: it comes with the sending.
enum class DefaultAction : std::uint8_t { ignore, terminate, core, stop };
constexpr DefaultAction default_action(std::int32_t number) {
  if (kSigIgnoredByDefault.has(number)) return DefaultAction::ignore;
  if (kSigStops.has(number)) return DefaultAction::stop;
  return kSigDumpsCore.has(number) ? DefaultAction::core : DefaultAction::terminate;
}

/// si_code: who has sent it.
inline constexpr std::int32_t kSiUser = 0;  // kill(2)
inline constexpr std::int32_t kSiKernel = 0x80;
inline constexpr std::int32_t kSiQueue = -1;    // sigqueue(3)
inline constexpr std::int32_t kSiAsyncIo = -4;  // an asynchronous request has ended
inline constexpr std::int32_t kSiTkill = -6;    // tgkill(2)

/// si_code of SIGCHLD: what has become of the child.
inline constexpr std::int32_t kCldExited = 1;
inline constexpr std::int32_t kCldKilled = 2;
inline constexpr std::int32_t kCldDumped = 3;
inline constexpr std::int32_t kCldStopped = 5;
inline constexpr std::int32_t kCldContinued = 6;

/// siginfo_t, as far as anybody here reads it.
struct SigInfo {
  std::int32_t number = 0;
  std::int32_t code = kSiUser;
  std::uint64_t value = 0;  // si_value
  std::uint32_t pid = 0;    // si_pid: of SIGCHLD, the child
  std::int32_t status = 0;  // si_status: of SIGCHLD, its exit status or signal
};

}  // namespace iodrome::kernel
