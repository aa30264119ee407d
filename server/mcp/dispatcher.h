// Dispatcher: from a frame to its answer. A Server is what is served; a Connection is one client on
// it (a pipe, an HTTP session or a single stateless request).
//
//   mcp::Server server(std::move(service));
//   mcp::Connection connection(server, outbox);
//   connection.receive(R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
//
// Threads: take(), receive() and oversize() are called by one thread at a time, that which reads
// the connection; they never run a tool and never wait. stop(), idle() and wait_idle() are safe
// from any. The Outbox must outlive the Connection, the Connection every handler (wait_idle), the
// Server both.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "server/mcp/outbox.h"
#include "server/mcp/service.h"
#include "server/mcp/subscriptions.h"
#include "server/mcp/wire.h"

namespace remit::mcp {

class HeldBytes;
struct Frame;
struct HeaderClaims;
struct Job;
struct Parts;

// What a request still needs done: a tool to run, a resource to read. Given to run() or
// hand_over(), once; dropped, it answers with an internal error.
using Work = std::shared_ptr<Job>;

// Where a message came from, if not simply from the connection.
struct Source {
  std::shared_ptr<Outbox> outbox;         // for what answers it; null: the connection's own
  const HeaderClaims* headers = nullptr;  // to compare with the body; read during receive() only
};

class Server {
 public:
  explicit Server(Service service);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // SHA-256 (hex) and size of the tools/list entries, for `remit show --json` and the byte budget.
  std::string tools_sha256() const;
  std::size_t tools_bytes() const;

  // Offers `next` from now on. Calls that work for what was offered before are stopped, and
  // subscribers are told which lists may have changed.
  void offer(Offer next);

  // Tell every subscriber. What is announced: Service::announces.
  using List = Subscriptions::List;
  void list_changed(List list);
  void resource_updated(const std::string& uri);

  // Another process left orders for tasks that run here (memory/task_store.h).
  void task_orders();
  // Fires the stop token of every task; no call becomes one any more.
  void stop_tasks();
  bool wait_tasks(std::chrono::milliseconds timeout);

  // What clients make this process hold, for transports to add to.
  HeldBytes& held_bytes();

  Parts& parts() { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

class Connection {
 public:
  // `modern_only`: a request over HTTP that belongs to no session.
  enum class Eras { all, modern_only };
  Connection(Server& server, Outbox& outbox, Eras eras = Eras::all);
  ~Connection();  // cancels and waits for the handlers
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One frame: a JSON text. Blank frames are ignored.
  void receive(std::string_view frame);
  // The same, but the work of a request is given back (null: there is none), so that a transport
  // may do it on the thread that read it. That of a batch is handed over.
  [[nodiscard]] Work take(std::string_view frame);
  // Does `work` on the calling thread, however long it takes. From any thread.
  static void run(const Work& work);
  // Has the pool do it. From any thread.
  void hand_over(const Work& work);
  // receive() for a frame that is parsed already.
  void receive(Frame frame, Source source);
  // A frame longer than kFrameBytes was skipped.
  void oversize();
  // What initialize agreed on, if it did. For the thread that reads the connection.
  std::optional<Revision> agreed() const;
  // Fires the stop token of every call. What still answers is sent.
  void stop();
  bool idle() const;
  bool wait_idle(std::chrono::milliseconds timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace remit::mcp
