#include "memory/postgres_url.h"

#include <array>

#include "base/limits.h"
#include "base/text.h"

namespace remit::memory {
namespace {

constexpr std::array<std::string_view, 2> kSchemes{"postgresql://", "postgres://"};
// libpq's keywords whose values are secrets.
constexpr std::array<std::string_view, 2> kSecretKeywords{"password", "sslpassword"};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// As libpq reads it; what is no %XX stays as it is and is refused by libpq.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int high = text[at] == '%' && at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[at + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

tl::unexpected<Error> refuse_password() {
  return fail(ErrorKind::invalid_argument,
              "the URL of --memory holds a password, which every user of this machine could see; "
              "put it into a file that PGPASSFILE names, or use a service file",
              {}, "password_in_url");
}

}  // namespace

bool is_postgres_url(std::string_view text) {
  for (const std::string_view scheme : kSchemes) {
    if (text.starts_with(scheme)) return true;
  }
  return false;
}

Result<PostgresUrl> parse_postgres_url(std::string_view text) {
  if (!is_postgres_url(text) || text.size() > limits::kPathBytes) {
    return fail(ErrorKind::invalid_argument,
                "not a URL of a PostgreSQL database (postgresql://HOST:PORT/DATABASE)");
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
      return fail(ErrorKind::invalid_argument,
                  "the URL of --memory holds a blank or a control character");
    }
  }
  std::string_view rest = text.substr(text.find("://") + 3);
  const std::size_t question = rest.find('?');
  const std::string_view query =
      question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  const std::string_view place = rest.substr(0, question);
  const std::size_t slash = place.find('/');
  // libpq takes the first '@' before the path for the end of user and password.
  const std::size_t at = place.substr(0, slash).find('@');
  if (at != std::string_view::npos && place.substr(0, at).find(':') != std::string_view::npos)
    return refuse_password();
  for (const std::string_view setting : split(query, '&')) {
    const std::string keyword = percent_decoded(setting.substr(0, setting.find('=')));
    for (const std::string_view secret : kSecretKeywords) {
      if (keyword == secret) return refuse_password();
    }
  }
  return PostgresUrl{
      std::string(text),
      "postgresql://" + std::string(at == std::string_view::npos ? place : place.substr(at + 1))};
}

}  // namespace remit::memory
