// Exchange: one request being answered, and the table of those in flight on one connection.
//
// Exactly one reply: reply() and cancel() race for the exchange, and the first closes it. What
// comes later (a second reply, progress after the result, a result after a cancel) is dropped.
// ReplyOnce answers "internal error" if a handler leaves without a reply.
//
// Threads: all safe from any thread. Lock order: InFlight before Exchange; neither is held while a
// stop callback or an Outbox wait runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "server/mcp/eras.h"
#include "server/mcp/held_bytes.h"
#include "server/mcp/messages.h"
#include "server/mcp/outbox.h"

namespace remit::mcp {

// Collects the answers of a 2025-03-26 batch and sends them as one array, in the order of the
// requests whichever ends first. Safe from any thread.
class Batch {
 public:
  Batch(std::shared_ptr<Outbox> outbox, std::size_t elements)
      : outbox_(std::move(outbox)), open_(elements), answers_(elements) {}
  // Every element calls this once: with its answer, or with "" if it has none.
  void done(std::size_t element, std::string answer);

 private:
  const std::shared_ptr<Outbox> outbox_;
  std::mutex mutex_;
  std::size_t open_;
  std::vector<std::string> answers_;
};

// Where what is said about one message goes: its answer into its batch, if it stands in one, and
// everything else out.
struct AnswerPlace {
  std::shared_ptr<Outbox> outbox;
  std::shared_ptr<Batch> batch = {};
  std::size_t element = 0;  // of it

  void answer(std::string message, Step step) const {
    if (batch)
      batch->done(element, std::move(message));
    else
      outbox->answer(std::move(message), step);
  }
  // A request that was cancelled gets none.
  void abandon() const {
    if (batch)
      batch->done(element, {});
    else
      outbox->abandon();
  }
};

class InFlight;

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(InFlight& table, AnswerPlace place, IdText request_id, Envelope judged,
           HeldBytes::Share held = {})
      : id(std::move(request_id)),
        envelope(std::move(judged)),
        held_(std::move(held)),
        table_(table),
        place_(std::move(place)) {}

  const IdText id;
  const Envelope envelope;
  std::stop_source stop;

  Outbox& outbox() { return *place_.outbox; }
  // Sends the answer and ends the exchange; false if it had ended.
  bool reply(std::string message, Step step = Step::served);
  // Sends a notification that belongs to this request; false if the exchange has ended.
  bool notify(std::string message);
  // Ends the exchange without an answer and fires `stop`; false if it had ended.
  bool cancel();
  bool closed() const;

 private:
  bool close();

  const HeldBytes::Share held_;  // of its parameters, which live no longer than this
  InFlight& table_;
  const AnswerPlace place_;
  mutable std::mutex gate_;  // keeps a notification from following the answer
  bool open_ = true;
};

class InFlight {
 public:
  enum class Refused { no, id_in_use, too_many };
  bool contains(const IdText& id) const;
  // Enters `exchange`, unless its id is in flight or kInFlight are.
  Refused enter(const std::shared_ptr<Exchange>& exchange);
  // A cancelled exchange leaves the table at once, so that its id may be used again, while its
  // handler winds down; leave() therefore compares the exchange, not the id.
  void leave(const Exchange* exchange);
  bool cancel(const IdText& id);
  void stop_all();

  // Handlers still at work, those of cancelled requests included.
  void work_started();
  void work_ended();
  bool wait_idle(std::chrono::milliseconds timeout);
  bool idle() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<std::shared_ptr<Exchange>> entries_;
  std::size_t working_ = 0;
};

// Owns the duty to answer.
class ReplyOnce {
 public:
  explicit ReplyOnce(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~ReplyOnce();
  ReplyOnce(ReplyOnce&&) noexcept = default;
  ReplyOnce& operator=(ReplyOnce&&) = delete;
  ReplyOnce(const ReplyOnce&) = delete;
  ReplyOnce& operator=(const ReplyOnce&) = delete;

  Exchange& exchange() const { return *exchange_; }
  void result(std::string_view result_text);
  void error(const RpcError& error, Step step = Step::served);
  // The request was cancelled: there is nobody to answer.
  void abandon();
  // The exchange stays open, and whoever takes it answers it.
  std::shared_ptr<Exchange> hand_over();

 private:
  std::shared_ptr<Exchange> exchange_;
  bool done_ = false;
};

// -32602, with what is wrong with the parameters.
void refuse(ReplyOnce& reply, std::string why);

}  // namespace remit::mcp
