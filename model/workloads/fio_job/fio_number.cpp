// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/fio_number.h"

#include <functional>
#include <limits>
#include <string>

#include "model/workloads/input/diagnostics.h"

namespace iodrome::workloads {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t microsecond_ps = 1'000'000;
/// Has no counterpart above zero, so it is left out of the range.
constexpr Wide lowest = Wide{1} << 126 << 1;
constexpr int deepest_nesting = 32;

/// An exact fraction, lowest terms, denominator above zero.
struct Fraction {
  Wide over = 0;
  Wide under = 1;
};

Wide greatest_divisor(Wide a, Wide b) {
  while (b != 0) {
    const Wide rest = a % b;
    a = b;
    b = rest;
  }
  return a < 0 ? -a : a;
}

/// Evaluates `a op b ...` by fio's precedence: `^`, then `* / %`, then `+ -`. After the first
/// fault nothing more is computed.
class Expression {
 public:
  using ReadNumber = std::function<Parsed(std::string_view)>;

  Expression(std::string_view text, ReadNumber read_number)
      : text_(text), read_number_(std::move(read_number)) {}

  Parsed value() {
    const Fraction result = sum();
    skip_blanks();
    if (fault_.empty() && at_ < text_.size()) fail("unexpected " + in_quotes(text_.substr(at_)));
    if (fault_.empty() && result.over < 0) fail("is negative");
    const Wide whole = result.over / result.under;
    if (fault_.empty() && whole > Wide{std::numeric_limits<std::int64_t>::max()}) too_large();
    if (!fault_.empty()) return tl::unexpected(in_quotes(text_) + ": " + fault_);
    return static_cast<std::int64_t>(whole);
  }

 private:
  void fail(std::string fault) {
    if (fault_.empty()) fault_ = std::move(fault);
  }
  void too_large() { fail("is too large"); }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  bool take(char c) {
    skip_blanks();
    if (!fault_.empty() || at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Wide product(Wide a, Wide b) {
    Wide out = 0;
    if (__builtin_mul_overflow(a, b, &out) || out == lowest) too_large();
    return fault_.empty() ? out : 1;
  }

  Fraction fraction(Wide over, Wide under) {
    if (under == 0) fail("divides by zero");
    if (!fault_.empty()) return {};
    const Wide divisor = greatest_divisor(over, under) * (under < 0 ? -1 : 1);
    return {over / divisor, under / divisor};
  }

  Fraction times(Fraction a, Fraction b) {
    return fraction(product(a.over, b.over), product(a.under, b.under));
  }
  Fraction divided(Fraction a, Fraction b) {
    return fraction(product(a.over, b.under), product(a.under, b.over));
  }
  Fraction plus(Fraction a, Fraction b) {
    Wide over = 0;
    const Wide left = product(a.over, b.under);
    const Wide right = product(b.over, a.under);
    if (__builtin_add_overflow(left, right, &over) || over == lowest) too_large();
    return fraction(over, product(a.under, b.under));
  }
  Fraction minus(Fraction a, Fraction b) { return plus(a, {-b.over, b.under}); }
  Fraction remainder(Fraction a, Fraction b) {
    const Fraction ratio = divided(a, b);
    return minus(a, times(b, {ratio.over / ratio.under, 1}));
  }

  Fraction sum() {
    Fraction left = term();
    while (true) {
      if (take('+')) {
        left = plus(left, term());
      } else if (take('-')) {
        left = minus(left, term());
      } else {
        return left;
      }
    }
  }

  Fraction term() {
    Fraction left = power();
    while (true) {
      if (take('*')) {
        left = times(left, power());
      } else if (take('/')) {
        left = divided(left, power());
      } else if (take('%')) {
        left = remainder(left, power());
      } else {
        return left;
      }
    }
  }

  Fraction power() {
    const Fraction base = factor();
    if (!take('^')) return base;
    const Fraction exponent = nested([this] { return power(); });
    if (exponent.under != 1 || exponent.over < 0 || exponent.over > 127) {
      fail("has an exponent that is no whole number from 0 to 127");
    }
    Fraction out{1, 1};
    for (Wide i = 0; fault_.empty() && i < exponent.over; ++i) out = times(out, base);
    return out;
  }

  Fraction factor() {
    if (take('-')) return minus({}, nested([this] { return factor(); }));
    if (!take('(')) return number();
    const Fraction inner = nested([this] { return sum(); });
    if (!take(')')) fail("a '(' is not closed");
    return inner;
  }

  Fraction nested(const std::function<Fraction()>& inner) {
    if (++depth_ > deepest_nesting) fail("is nested too deep");
    const Fraction out = fault_.empty() ? inner() : Fraction{};
    --depth_;
    return out;
  }

  Fraction number() {
    skip_blanks();
    if (!fault_.empty()) return {};
    const std::size_t stop = text_.find_first_of(" \t+-*/%^()", at_);
    std::string word(text_.substr(at_, stop == std::string_view::npos ? stop : stop - at_));
    at_ += word.size();
    std::size_t decimals = 0;
    if (const std::size_t point = word.find('.'); point != std::string::npos) {
      const std::size_t last = word.find_first_not_of("0123456789", point + 1);
      decimals = (last == std::string::npos ? word.size() : last) - point - 1;
      word.erase(point, 1);
    }
    if (decimals > 18) too_large();
    if (word.empty()) fail("a number is missing");
    if (!fault_.empty()) return {};
    const Parsed whole = read_number_(word);
    if (!whole) fail(whole.error());
    Wide scale = 1;
    for (std::size_t i = 0; i < decimals; ++i) scale *= 10;
    return fault_.empty() ? fraction(*whole, scale) : Fraction{};
  }

  std::string_view text_;
  ReadNumber read_number_;
  std::string fault_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Parsed parse_fio_number(std::string_view text, int kb_base) {
  if (!text.starts_with('(')) return parse_fio_size(text, kb_base);
  return Expression(text,
                    [kb_base](std::string_view word) { return parse_fio_size(word, kb_base); })
      .value();
}

Parsed parse_fio_period_ps(std::string_view text, std::int64_t default_unit_ps) {
  if (!text.starts_with('(')) return parse_fio_time_ps(text, default_unit_ps);
  return Expression(text,
                    [](std::string_view word) { return parse_fio_time_ps(word, microsecond_ps); })
      .value();
}

}  // namespace iodrome::workloads
