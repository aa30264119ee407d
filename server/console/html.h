// Html: markup that is escaped by construction. Names of elements and attributes are literals that
// the compiler has looked at; everything else that gets in is text, which is escaped on its way.
// There is no way to put a string in as markup.
//
//   el("p", {{"class", "note"}}, {"asked by ", el("code", {}, {row.principal})})
//
// Text also shows what a reader would not see: control characters, directional and zero-width ones,
// odd spaces and invisible letters appear as \u{202E}; bytes that are no UTF-8 as \xFF. So does a
// letter of a script that looks like Latin in the middle of a word of ASCII: p\u{0430}ypal.
//
// Pure values, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace remit::console {

// The name of an element or attribute. Refused while compiling: what is no name, what runs code
// (on...), and style, which the page's policy forbids.
class Name {
 public:
  template <std::size_t N>
  consteval Name(const char (&text)[N]) : text_(text, N - 1) {  // NOLINT: a literal is a name
    if (text_.empty()) throw "a name is empty";
    for (const char c : text_)
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) throw "not a name";
    if (text_.starts_with("on") || text_ == "style" || text_ == "srcdoc") throw "not allowed";
  }
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

struct Attribute {
  Name name;
  std::string value = {};
};

class Html {
 public:
  Html() = default;
  // Text, escaped.
  Html(const char* text) : Html(std::string_view(text)) {}         // NOLINT: this is the point
  Html(const std::string& text) : Html(std::string_view(text)) {}  // NOLINT
  Html(std::string_view text);                                     // NOLINT

  Html& operator+=(const Html& more) {
    markup_ += more.markup_;
    return *this;
  }
  bool empty() const { return markup_.empty(); }
  const std::string& markup() const { return markup_; }
  // A whole document: doctype, then this.
  std::string document() const { return "<!doctype html>\n" + markup_; }

 private:
  friend Html el(Name name, const std::vector<Attribute>& attributes,
                 const std::vector<Html>& children);
  std::string markup_;
};

// An element. A link or form (href, src, action) leads into this site only: a value that does not
// begin with one "/" or with "#" becomes "#".
Html el(Name name, const std::vector<Attribute>& attributes = {},
        const std::vector<Html>& children = {});

// What text() shows of a string, before it is escaped as markup: see above.
std::string visible(std::string_view bytes);

}  // namespace remit::console
