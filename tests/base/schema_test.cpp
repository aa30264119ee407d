#include "base/schema.h"

#include <doctest/doctest.h>

namespace {

enum class Mode { fast, slow };
struct Inner {
  std::string name;
  std::optional<double> weight;
};
struct Args {
  std::string file_path;
  int lines = 50;
  bool raw = false;
  Mode mode = Mode::fast;
  std::optional<std::string> since;
  std::vector<Inner> parts;
  std::map<std::string, std::uint64_t> counts;
};

}  // namespace

template <>
struct remit::EnumNames<Mode> {
  static constexpr std::array<std::pair<Mode, const char*>, 2> list{
      {{Mode::fast, "fast"}, {Mode::slow, "slow"}}};
};
template <>
struct remit::Fields<Inner> {
  static constexpr auto list =
      std::tuple{required("name", &Inner::name, "Name"), field("weight", &Inner::weight, "Weight")};
};
template <>
struct remit::Fields<Args> {
  static constexpr auto list = std::tuple{
      required("file_path", &Args::file_path, "File", {.min_length = 1, .max_length = 8}),
      field("lines", &Args::lines, "How many", {.minimum = 1, .maximum = 100}),
      field("raw", &Args::raw, "Raw"),
      field("mode", &Args::mode, "Mode"),
      field("since", &Args::since, "Since"),
      field("parts", &Args::parts, "Parts", {.max_items = 2}),
      field("counts", &Args::counts, "Counts")};
};

namespace {

using remit::decode;
using remit::Json;

// The error of decoding `text`, as "where: message".
std::string refusal(const char* text) {
  const auto args = decode<Args>(Json::parse(text));
  return args ? "accepted" : args.error().where + ": " + args.error().message;
}

}  // namespace

TEST_CASE("decode reads every member type and keeps defaults") {
  const auto args = decode<Args>(Json::parse(
      R"({"file_path":"a","lines":3.0,"raw":true,"mode":"slow","since":null,
          "parts":[{"name":"x","weight":1.5}],"counts":{"e":7}})"));
  REQUIRE(args);
  CHECK(args->lines == 3);
  CHECK(args->raw);
  CHECK(args->mode == Mode::slow);
  CHECK_FALSE(args->since);
  REQUIRE(args->parts.size() == 1);
  CHECK(*args->parts[0].weight == 1.5);
  CHECK(args->counts.at("e") == 7);
  CHECK(decode<Args>(Json::parse(R"({"file_path":"a"})"))->lines == 50);
}

TEST_CASE("decode refuses with a pointer") {
  CHECK(refusal(R"({})") == "/file_path: required");
  CHECK(refusal(R"({"file_path":1})") == "/file_path: expected a string, got 1");
  CHECK(refusal(R"({"file_path":""})") == "/file_path: must not be empty");
  CHECK(refusal(R"({"file_path":"12345678"})") == "accepted");
  CHECK(refusal(R"({"file_path":"123456789"})") == "/file_path: longer than 8 bytes");
  CHECK(refusal(R"({"file_path":"a","lines":0})") == "/lines: below minimum 1, got 0");
  CHECK(refusal(R"({"file_path":"a","lines":100})") == "accepted");
  CHECK(refusal(R"({"file_path":"a","lines":101})") == "/lines: above maximum 100, got 101");
  CHECK(refusal(R"({"file_path":"a","lines":2.9})") == "/lines: expected an integer, got 2.9");
  CHECK(refusal(R"({"file_path":"a","lines":true})") == "/lines: expected an integer, got true");
  CHECK(refusal(R"({"file_path":"a","lines":99999999999})").find("/lines: above maximum") == 0);
  CHECK(refusal(R"({"file_path":"a","mode":"odd"})") == "/mode: must be one of fast, slow");
  CHECK(refusal(R"({"file_path":"a","parts":[{"name":"x"},{"weight":1}]})") ==
        "/parts/1/name: required");
  CHECK(refusal(R"({"file_path":"a","parts":[{"name":"x"},{"name":"x"},{"name":"x"}]})") ==
        "/parts: more than 2 items");
  CHECK(refusal(R"({"file_path":"a","counts":{"e":-1}})") == "/counts/e: below minimum 0, got -1");
  CHECK(refusal(R"({"file_path":"a","linse":1})") ==
        "/linse: unknown property, did you mean lines");
  CHECK(refusal(R"([])") == "/: expected an object, got []");
}

TEST_CASE("the leniencies for real clients, and no others") {
  CHECK(refusal(R"({"file_path":"a","parts":"[{\"name\":\"x\"}]"})") == "accepted");
  CHECK(refusal(R"({"file_path":"a","parts":"{\"name\":\"x\"}"})")
            .find("/parts: expected an array") == 0);
  CHECK(refusal(R"({"file_path":"a","wait_for_previous":true})") == "accepted");
  CHECK(refusal(R"({"file_path":"a","lines":"3"})") == "/lines: expected an integer, got \"3\"");
}

TEST_CASE("the schema is flat, ordered and says what decode enforces") {
  const auto schema = remit::schema_of<Args>();
  CHECK(schema["properties"].begin().key() == "file_path");
  CHECK(schema["required"] == remit::OrderedJson::parse(R"(["file_path"])"));
  CHECK(
      schema["properties"]["lines"] ==
      remit::OrderedJson::parse(
          R"({"type":"integer","description":"How many","minimum":1,"maximum":100,"default":50})"));
  CHECK(schema["properties"]["mode"]["enum"] == remit::OrderedJson::parse(R"(["fast","slow"])"));
  CHECK(schema["properties"]["parts"]["items"]["required"][0] == "name");
  CHECK(schema["additionalProperties"] == false);
}

TEST_CASE("encode round-trips and fits its own schema") {
  Args args;
  args.file_path = "a";
  args.parts.push_back({"n", 2.0});
  args.counts["k"] = 18446744073709551615ull;
  const Json json = remit::encode(args);
  CHECK_FALSE(json.contains("since"));
  CHECK(remit::schema::validate(remit::schema_of<Args>(), json));
  CHECK(decode<Args>(json)->counts["k"] == 18446744073709551615ull);
  Json wrong = json;
  wrong["mode"] = "odd";
  CHECK_FALSE(remit::schema::validate(remit::schema_of<Args>(), wrong));
  wrong = json;
  wrong["parts"][0]["name"] = 3;
  CHECK(remit::schema::validate(remit::schema_of<Args>(), wrong).error().where == "/parts/0/name");
}
