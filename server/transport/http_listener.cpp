#include "server/transport/http_listener.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "base/limits.h"
#include "base/log.h"
#include "server/mcp/wire.h"
#include "server/transport/handing.h"
#include "server/transport/http_threads.h"

namespace remit::transport {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kSmallBody = 64u << 10;
constexpr std::size_t kConnectionWord = 8;  // what comes with a connection that is handed over
constexpr int kAnyPort = 80;  // the library wants one for a unix socket, and ignores it

// One request while the library holds it.
struct InLibrary {
  HttpTurn turn;
  SteadyClock::time_point began = SteadyClock::now();
  bool close = false;               // after the response
  std::shared_ptr<void> held = {};  // HttpReply::held
};

// What the library reads and writes: a request line that says nothing but whether there is a body,
// and the body without its framing. What it knows of a request cannot disagree with what we judged.
class LibraryStream final : public httplib::Stream {
 public:
  LibraryStream(HttpWire& wire, std::string head, int number)
      : wire_(wire), head_(std::move(head)), number_(number) {}
  bool is_readable() const override { return true; }
  // Writes what was collected: a stream of events asks after each, everything else at its end.
  bool is_writable() const override { return wire_.flush(); }
  ssize_t read(char* to, std::size_t size) override {
    if (at_ == head_.size()) return wire_.read_body(to, size);
    const std::size_t take = std::min(size, head_.size() - at_);
    std::copy_n(head_.data() + at_, take, to);
    at_ += take;
    return static_cast<ssize_t>(take);
  }
  ssize_t write(const char* from, std::size_t size) override {
    wire_.write({from, size});
    return wire_.broken() ? -1 : static_cast<ssize_t>(size);
  }
  // The port is the number by which the handlers find their request: a unix socket has none, and
  // nothing else asks.
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = "-";
    port = number_;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip = "-";
    port = 0;
  }
  // Not the descriptor: the library refuses those from 1,024 on, for a select() that is never made.
  socket_t socket() const override { return 0; }

 private:
  HttpWire& wire_;
  const std::string head_;
  const int number_;
  std::size_t at_ = 0;
};

class Queue final : public httplib::TaskQueue {
 public:
  explicit Queue(ConnectionThreads& threads) : threads_(threads) {}
  // Without a thread to be had the job runs here, on the accepting thread, which Listener knows.
  void enqueue(std::function<void()> job) override {
    if (!threads_.run(job)) job();
  }
  void shutdown() override { threads_.join(); }

 private:
  ConnectionThreads& threads_;
};

std::string plain_response(const HttpReply& reply) {
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " " + reason_phrase(reply.status) +
                    "\r\nConnection: close\r\n";
  for (const auto& [name, value] : reply.fields) out += name + ": " + value + "\r\n";
  out += "Content-Type: " + reply.type +
         "\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n";
  return out + reply.body;
}

}  // namespace

// The accept loop and the routing are the library's; what happens on a connection is ours.
class HttpListener::Library final : public httplib::Server {
 public:
  explicit Library(int drain) : drain_(drain) {
    new_task_queue = [this] {
      acceptor_ = std::this_thread::get_id();
      return new Queue(threads_);
    };
    set_socket_options([this](socket_t socket) {
      listening_ = socket;
      // Not the library's SO_REUSEPORT, by which two servers share a port unseen.
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      InLibrary& in = find(request.remote_port);
      auto reply = site_->before_body(in.turn);
      if (!reply) return HandlerResponse::Unhandled;
      // A body was not read, and what follows on this connection would be taken for a request.
      in.close |= in.turn.head.framing != Framing::none || in.turn.head.method == "POST";
      fill(in, response, std::move(*reply));
      return HandlerResponse::Handled;
    });
    Post("/", [this](const httplib::Request& request, httplib::Response& response,
                     const httplib::ContentReader& reader) {
      on_post(find(request.remote_port), response, reader);
    });
    set_post_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      response.headers.erase("Keep-Alive");  // promises five requests and five seconds
      response.headers.erase("Connection");
      if (find(request.remote_port).close) response.headers.emplace("Connection", "close");
    });
    set_exception_handler(
        [this](const httplib::Request& request, httplib::Response& response, std::exception_ptr) {
          log::error("a request failed");
          InLibrary& in = find(request.remote_port);
          in.close = true;
          fill(in, response, refused({500, "internal error", mcp::kInternalError}));
        });
  }

  int listening() const { return listening_; }
  void take_from(Fd channel) { channel_ = std::move(channel); }
  void serve(HttpSite& site) {
    site_ = &site;
    if (channel_)
      serve_channel();
    else
      listen_after_bind();
  }
  // Ends the accept loop. Not stop(): the library then cuts off the streams that are being written.
  // A channel is not shut down, for it outlives this process: its loop ends with the drain.
  void end() const {
    if (!channel_) ::shutdown(listening_, SHUT_RDWR);
  }

 private:
  // The library's loop, with connections that are handed over instead of accepted.
  void serve_channel() {
    acceptor_ = std::this_thread::get_id();
    svr_sock_ = channel_.get();  // without one the library takes every stream for cut off
    for (;;) {
      std::array<pollfd, 2> watched = {{{channel_.get(), POLLIN, 0}, {drain_, POLLIN, 0}}};
      if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
      if (watched[1].revents != 0) break;
      if (watched[0].revents == 0) continue;
      auto handed = receive_handed(channel_.get(), kConnectionWord);
      if (!handed) break;  // nobody is left who could send one
      if (!handed->descriptor) continue;
      const int socket = handed->descriptor.release();
      if (!threads_.run([this, socket] { process_and_close_socket(socket); }))
        process_and_close_socket(socket);
    }
    threads_.join();
  }

  bool process_and_close_socket(socket_t socket) override {
    HttpWire wire(Fd(static_cast<int>(socket)), drain_);
    if (std::this_thread::get_id() == acceptor_) {
      wire.write(plain_response(busy("too many connections; retry")));
      wire.flush();
      return true;
    }
    try {
      const HttpMetrics::Level open(site_->metrics().connections);
      serve_connection(wire);
    } catch (const std::exception& e) {
      log::error("a connection failed", {{"what", e.what()}});
    } catch (...) {
      log::error("a connection failed");
    }
    return true;
  }

  void serve_connection(HttpWire& wire) {
    const Wake wake;
    if (wake.fd() < 0) {  // its answers would wake nobody
      wire.write(plain_response(busy("no descriptor is left for this connection; retry")));
      return wire.linger();
    }
    milliseconds idle = limits::kHttpHeadTime;
    while (wire.wait_request(idle)) {
      auto got = wire.read_head();
      if (std::holds_alternative<HttpWire::Gone>(got)) return;
      if (const auto* refusal = std::get_if<Refusal>(&got)) {
        site_->metrics().count("other", refusal->status, {});
        wire.write(plain_response(refused(*refusal)));
        return wire.linger();
      }
      const HttpMetrics::Level at_work(site_->metrics().in_flight);
      ++site_->metrics().begun;
      wake.quiet();
      const Head& head = std::get<Head>(got);
      std::shared_ptr<void> kept;  // also where the body breaks off, and post() is never asked
      InLibrary in{{head, wire, wake, kept}};
      in.close = !head.keep_alive;
      const int number = enter(in);
      // The library knows ten methods; to it, what is neither POST nor HEAD is a GET.
      std::string canonical = head.method == "POST" || head.method == "HEAD" ? head.method : "GET";
      canonical += " / HTTP/1.1\r\n";
      if (head.framing == Framing::length)
        canonical += "Content-Length: " + std::to_string(head.length) + "\r\n";
      LibraryStream stream(wire, canonical + "\r\n", number);
      bool closed = false;
      const bool done = process_request(stream, false, closed, nullptr);
      leave(number);
      wire.flush();
      if (!done || in.close || !wire.body_is_read()) return wire.linger();
      idle = threads_.busy() > limits::kHttpCrowded ? limits::kHttpIdleCrowded : limits::kHttpIdle;
    }
  }

  void on_post(InLibrary& in, httplib::Response& response, const httplib::ContentReader& reader) {
    mcp::HeldBytes::Share held = site_->held_bytes().open();
    std::string body;
    bool too_large = false, too_many = false;
    if (in.turn.head.framing == Framing::length && in.turn.head.length <= site_->body_limit()) {
      // What it may weigh (mcp::Weight), before it is read: of many at once that grew as they come,
      // each could keep the others from being parsed.
      const std::size_t length = in.turn.head.length;
      too_many = length > kSmallBody && !held.grow(4 * length);
      if (!too_many) body.reserve(length);
    }
    if (too_many) {
      in.close = true;
      return fill(in, response, busy("too much is being received; retry"));
    }
    const bool read = reader([&](const char* data, std::size_t size) {
      too_large = body.size() + size > site_->body_limit();
      too_many = !too_large && !held.grow(body.size() + size);
      if (too_large || too_many) return false;
      body.append(data, size);
      return true;
    });
    if (read) return fill(in, response, site_->post(in.turn, std::move(body), std::move(held)));
    in.close = true;
    if (too_large)
      return fill(in, response,
                  refused({413, "a message has at most " + std::to_string(site_->body_limit()) +
                                    " bytes"}));
    if (too_many) return fill(in, response, busy("too much is being received; retry"));
    fill(in, response,
         refused({400, "bad request: the body ends early, is malformed or too slow"}));
  }

  void fill(InLibrary& in, httplib::Response& response, HttpReply reply) {
    response.status = reply.status;
    for (const auto& [name, value] : reply.fields) {
      // The library drops a field with a line break without a word.
      if (value.find_first_of("\r\n") != std::string::npos)
        throw std::invalid_argument("a response field holds a line break");
      response.set_header(name, value);
    }
    site_->metrics().count(reply.method.empty() ? in.turn.head.method : reply.method, reply.status,
                           SteadyClock::now() - in.began);
    in.held = std::move(reply.held);
    if (!reply.streaming) {
      if (reply.type.empty()) return;
      response.body = std::move(reply.body);  // set_content() would copy it
      response.headers.erase("Content-Type");
      response.set_header("Content-Type", reply.type);
      return;
    }
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Accel-Buffering", "no");
    const auto provider = [streaming = std::move(reply.streaming)](std::size_t,
                                                                   httplib::DataSink& sink) {
      streaming->run([&](std::string_view text) {
        return sink.write(text.data(), text.size()) && sink.is_writable();
      });
      if (!streaming->is_whole()) return false;
      sink.done();
      return true;
    };
    if (in.turn.head.minor_version == 1)
      response.set_chunked_content_provider(reply.type, provider);
    else
      response.set_content_provider(reply.type, provider);  // until the connection ends
  }

  int enter(InLibrary& in) {
    const std::lock_guard held(mutex_);
    in_library_[++last_] = &in;
    return last_;
  }
  void leave(int number) {
    const std::lock_guard held(mutex_);
    in_library_.erase(number);
  }
  InLibrary& find(int number) {
    const std::lock_guard held(mutex_);
    return *in_library_.at(number);
  }

  const int drain_;
  HttpSite* site_ = nullptr;
  int listening_ = -1;
  Fd channel_;
  std::thread::id acceptor_;
  std::mutex mutex_;
  std::map<int, InLibrary*> in_library_;
  int last_ = 0;
  ConnectionThreads threads_{limits::kHttpConnections};  // last: its threads use the rest
};

HttpListener::HttpListener(int drain) : library_(std::make_unique<Library>(drain)) {}
HttpListener::~HttpListener() = default;

bool HttpListener::listen_at(const std::string& host, int port) {
  errno = 0;
  if (port == 0 ? library_->bind_to_any_port(host) <= 0 : !library_->bind_to_port(host, port))
    return false;
  return ::listen(library_->listening(), limits::kHttpBacklog) == 0;
}

bool HttpListener::listen_unix(const std::string& path) {
  library_->set_address_family(AF_UNIX);
  errno = 0;
  return library_->bind_to_port(path, kAnyPort) &&
         ::listen(library_->listening(), limits::kHttpBacklog) == 0;
}

void HttpListener::take_from(Fd channel) {
  library_->take_from(std::move(channel));
}

int HttpListener::socket() const {
  return library_->listening();
}
void HttpListener::serve(HttpSite& site) {
  library_->serve(site);
}
void HttpListener::end() {
  library_->end();
}

}  // namespace remit::transport
