// A JSON Schema that is written when somebody first asks for it. A server declares dozens, its
// start needs none of them, and writing them all took a quarter of it (docs/performance.md).
//
//   LazySchema schema([] { return schema_of<TailArgs>(); });
//   if (schema) send(dump(*schema));
//
// Copies share one schema. Threads: any; the first to ask writes it, the others wait.
#pragma once

#include <functional>
#include <memory>

#include <nlohmann/json_fwd.hpp>

namespace remit {

class LazySchema {
 public:
  LazySchema() = default;  // none
  explicit LazySchema(std::function<nlohmann::ordered_json()> write);

  explicit operator bool() const { return state_ != nullptr; }
  // There must be one. It lives as long as any copy of this.
  const nlohmann::ordered_json& operator*() const;
  const nlohmann::ordered_json* operator->() const { return &**this; }

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace remit
