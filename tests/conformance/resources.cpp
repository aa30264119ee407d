// Resources, prompts and the media they share.
#include "base/json.h"
#include "tests/conformance/fixtures.h"

namespace remit::conformance {
namespace {

using Kind = tools::Content::Kind;
using Role = mcp::PromptMessage::Role;

class Resources final : public mcp::ResourceProvider {
 public:
  Result<std::vector<mcp::ResourceEntry>> list() override {
    return std::vector<mcp::ResourceEntry>{
        {"test://static-text", "static-text", "Static text", "A text that never changes",
         "text/plain", std::nullopt},
        {"test://static-binary", "static-binary", "Static picture", "A picture that never changes",
         "image/png", std::nullopt},
        {"test://watched-resource", "watched-resource", "Watched", "Can be subscribed to",
         "text/plain", std::nullopt}};
  }
  Result<std::vector<mcp::ResourceTemplate>> templates() override {
    return std::vector<mcp::ResourceTemplate>{
        {"test://template/{id}/data", "template", "Template", "Data by id", "application/json"}};
  }
  Result<void> watch(const std::string& uri) override {
    if (uri == "test://watched-resource" || uri == "test://static-text") return {};
    return fail(ErrorKind::not_found, "no such resource");
  }
  Result<std::vector<mcp::ResourceContent>> read(const std::string& uri, const policy::CallScope&,
                                                 std::stop_token) override {
    using Contents = std::vector<mcp::ResourceContent>;
    if (uri == "test://static-text")
      return Contents{
          {uri, "text/plain", "This is the content of the static text resource.", false}};
    if (uri == "test://static-binary") return Contents{{uri, "image/png", tiny_png(), true}};
    if (uri == "test://watched-resource")
      return Contents{{uri, "text/plain", "This resource can be watched.", false}};
    constexpr std::string_view kBefore = "test://template/", kAfter = "/data";
    if (uri.starts_with(kBefore) && uri.ends_with(kAfter) &&
        uri.size() > kBefore.size() + kAfter.size()) {
      const std::string id =
          uri.substr(kBefore.size(), uri.size() - kBefore.size() - kAfter.size());
      const OrderedJson data = {{"id", id}, {"templateTest", true}, {"data", "Data for ID: " + id}};
      return Contents{{uri, "application/json", dump(data), false}};
    }
    return fail(ErrorKind::not_found, "no such resource");
  }
};

class Prompts final : public mcp::PromptProvider {
 public:
  Result<std::vector<mcp::PromptEntry>> list() override {
    return std::vector<mcp::PromptEntry>{
        {"test_simple_prompt", "", "A prompt without arguments", {}},
        {"test_prompt_with_arguments",
         "",
         "A prompt with two arguments",
         {{"arg1", "the first", true}, {"arg2", "the second", true}}},
        {"test_prompt_with_embedded_resource",
         "",
         "A prompt that carries a resource",
         {{"resourceUri", "of the resource", true}}},
        {"test_prompt_with_image", "", "A prompt that carries a picture", {}},
        {"test_input_required_result_prompt", "", "A prompt that asks first", {}}};
  }

  Result<mcp::PromptText> get(const std::string& name,
                              const std::map<std::string, std::string>& arguments,
                              mcp::ClientLink& client) override {
    const auto text = [](std::string words) {
      return mcp::PromptMessage{Role::user, {.body = std::move(words)}};
    };
    if (name == "test_simple_prompt")
      return mcp::PromptText{"", {text("This is a simple prompt for testing.")}};
    if (name == "test_prompt_with_arguments")
      return mcp::PromptText{"",
                             {text("Prompt with arguments: arg1='" + arguments.at("arg1") +
                                   "', arg2='" + arguments.at("arg2") + "'")}};
    if (name == "test_prompt_with_embedded_resource")
      return mcp::PromptText{"",
                             {{Role::user,
                               {.kind = Kind::resource,
                                .body = "Embedded resource content for testing.",
                                .media_type = "text/plain",
                                .uri = arguments.at("resourceUri")}},
                              text("Please process the embedded resource above.")}};
    if (name == "test_prompt_with_image")
      return mcp::PromptText{
          "",
          {{Role::user, {.kind = Kind::image, .body = tiny_png(), .media_type = "image/png"}},
           text("Please analyze the image above.")}};
    if (name == "test_input_required_result_prompt") {
      TRY(const mcp::ClientAnswers answers,
          client.ask(
              {{"user_context", "elicitation/create",
                R"json({"message":"What context should the prompt use?","requestedSchema":{"type":"object","properties":{"context":{"type":"string"}},"required":["context"]}})json"}},
              mcp::ClientLink::Seal::open));
      const Json& answer = answers.at("user_context");
      const std::string context =
          answer.contains("content") ? answer["content"].value("context", std::string()) : "";
      return mcp::PromptText{"", {text("Prompt with context: " + context)}};
    }
    return fail(ErrorKind::not_found, "no such prompt");
  }
};

}  // namespace

std::shared_ptr<mcp::ResourceProvider> fixture_resources() {
  return std::make_shared<Resources>();
}

std::shared_ptr<mcp::PromptProvider> fixture_prompts() {
  return std::make_shared<Prompts>();
}

// One transparent pixel.
std::string tiny_png() {
  static constexpr unsigned char kBytes[] = {
      0x89, 'P',  'N',  'G',  0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 'I',  'H',
      'D',  'R',  0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00,
      0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00, 0x0d, 'I',  'D',  'A',  'T',  0x78,
      0x9c, 0x63, 0x00, 0x01, 0x00, 0x00, 0x05, 0x00, 0x01, 0x0d, 0x0a, 0x2d, 0xb4, 0x00,
      0x00, 0x00, 0x00, 'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};
  return std::string(reinterpret_cast<const char*>(kBytes), sizeof kBytes);
}

// RIFF, 8 kHz, 8 bits, mono.
std::string tiny_wav() {
  static constexpr unsigned char kBytes[] = {
      'R',  'I',  'F',  'F',  0x2c, 0x00, 0x00, 0x00, 'W',  'A',  'V',  'E',  'f',
      'm',  't',  ' ',  0x10, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x40, 0x1f,
      0x00, 0x00, 0x40, 0x1f, 0x00, 0x00, 0x01, 0x00, 0x08, 0x00, 'd',  'a',  't',
      'a',  0x08, 0x00, 0x00, 0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
  return std::string(reinterpret_cast<const char*>(kBytes), sizeof kBytes);
}

}  // namespace remit::conformance
