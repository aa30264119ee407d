// What tests of handoffs share: an Agent_Memory with a state directory, drafts and steps of
// personas.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "base/yaml.h"
#include "memory/handoff_outbox.h"
#include "memory/handoff_projection.h"
#include "memory/handoff_rows.h"
#include "tests/memory/scratch.h"

namespace remit::memory {

constexpr const char* kTse = "technical-support-engineer";

inline NewHandoff draft(HandoffType type, const std::string& to, const std::string& fields = "{}") {
  NewHandoff out;
  out.type = type;
  out.from_persona = kTse;
  out.from_principal = "uid:1/tse";
  out.to = to;
  out.instruction = "inst_1";
  out.authorized_by = "technical-support-engineer.md:414:64";
  out.fields_json = fields;
  return out;
}

inline HandoffStep as(const std::string& persona, const std::string& state,
                      const std::string& answer = "") {
  HandoffStep step;
  step.to_state = state;
  step.persona = persona;
  step.principal = "uid:1/" + persona;
  if (persona == kTse) step.principal = "uid:1/tse";
  step.answer_json = answer;
  return step;
}

struct House {
  House() : state(open_state(scratch, clock)) {
    REQUIRE(::mkdir(root.c_str(), 0755) == 0);
    REQUIRE(::mkdir(drops.c_str(), 0755) == 0);
    open();
  }
  void open() {
    delivery.reset();
    auto opened = open_file_store(*state, fs::open_root(root).value());
    REQUIRE(opened);
    store = std::move(*opened);
    rows = std::make_unique<HandoffRows>(*state, store->root_id());
    delivery = std::make_unique<HandoffDelivery>(*state, *store, fs::open_root(drops).value());
  }
  Handoff send(const NewHandoff& d) {
    auto sent = rows->send(d);
    if (!sent) FAIL(sent.error().message);
    return *sent;
  }
  std::string inbox(const std::string& persona, const std::string& word, const Handoff& h) const {
    return slurp(root + "/" + inbox_path(persona, word, h.id));
  }
  Scratch scratch;
  ManualClock clock;
  std::unique_ptr<State> state;
  std::unique_ptr<HandoffRows> rows;
  std::string root = scratch.at("Agent_Memory"), drops = scratch.at("drops");
  std::unique_ptr<Store> store;
  std::unique_ptr<HandoffDelivery> delivery;
};

inline std::string field(const yaml::Parsed& parsed, const char* key) {
  const yaml::Node* node = parsed.root.find(key);
  return node == nullptr ? "(missing)" : node->text;
}

}  // namespace remit::memory
