// The forms in which a loaded secret is looked for.
#include <algorithm>

#include "base/crypto.h"
#include "base/json.h"
#include "base/redaction_rules.h"
#include "base/text.h"

namespace remit::redaction {

namespace {

constexpr std::size_t kShortestForm = 6;  // shorter ones would mask ordinary text
constexpr std::size_t kHead = 4;          // bytes by which match() finds its candidates

constexpr bool word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

std::string percent_encoded(std::string_view value) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    if (word(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[static_cast<Byte>(c) >> 4]);
      out.push_back(kHex[static_cast<Byte>(c) & 15]);
    }
  }
  return out;
}

// As it stands between the quotes of a JSON string.
std::string json_escaped(std::string_view value) {
  std::string out;
  append_json_string(out, value);
  return out.substr(1, out.size() - 2);
}

}  // namespace

void KnownSecrets::add(std::string_view value) {
  std::vector<std::string> forms{std::string(value), percent_encoded(value), json_escaped(value),
                                 json_escaped(json_escaped(value)),
                                 lower_ascii(percent_encoded(value))};
  // Inside a longer base64 text the value may begin at any of three alignments; the first and last
  // characters then also hold bits of its neighbours and are left out.
  for (std::size_t shift = 0; shift < 3; ++shift) {
    const std::string padded = std::string(shift, 'x') + std::string(value);
    std::string coded = base64(padded);
    coded.resize((padded.size() * 8) / 6);
    coded.erase(0, shift == 0 ? 0 : shift + 1);
    forms.push_back(coded);
    std::replace(coded.begin(), coded.end(), '+', '-');
    std::replace(coded.begin(), coded.end(), '/', '_');
    forms.push_back(coded);
  }
  for (std::string& form : forms)
    if (form.size() >= kShortestForm) {
      first_pair_.set(pair_of(form[0], form[1]));
      forms_.push_back(std::move(form));
    }
  std::sort(forms_.begin(), forms_.end());
  forms_.erase(std::unique(forms_.begin(), forms_.end()), forms_.end());
}

std::size_t KnownSecrets::match(std::string_view text, std::size_t at) const {
  const std::string_view head = text.substr(at, kHead);
  if (head.size() < kHead) return 0;
  std::size_t longest = 0;
  for (auto it = std::lower_bound(forms_.begin(), forms_.end(), head); it != forms_.end(); ++it) {
    if (std::string_view(*it).substr(0, kHead) != head) break;
    if (it->size() > longest && text.substr(at, it->size()) == *it) longest = it->size();
  }
  return longest;
}

}  // namespace remit::redaction
