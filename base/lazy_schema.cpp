#include "base/lazy_schema.h"

#include <mutex>
#include <optional>
#include <utility>

#include "base/json.h"

namespace remit {

struct LazySchema::State {
  std::function<OrderedJson()> write;
  std::once_flag once;
  std::optional<OrderedJson> written;
};

LazySchema::LazySchema(std::function<OrderedJson()> write) : state_(std::make_shared<State>()) {
  state_->write = std::move(write);
}

const OrderedJson& LazySchema::operator*() const {
  std::call_once(state_->once, [this] { state_->written = state_->write(); });
  return *state_->written;
}

}  // namespace remit
