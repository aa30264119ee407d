// An Access over one directory of a test: everything in it may be read except names that begin with
// "denied". The verbs that logs do not use fail.
#pragma once

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "policy/access.h"

namespace remit::diagnostics_test {

class Scratch {
 public:
  Scratch() {
    std::string name = "/tmp/remit-logs-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }

 private:
  std::string path_;
};

class FolderWalk : public policy::Walk {
 public:
  FolderWalk(std::string base, std::string relative) : base_(std::move(base)) {
    root_.where.shown = relative;
    root_.where.path = std::move(relative);
  }
  const policy::WalkDirectory& root() const override { return root_; }
  Result<void> entries(const policy::WalkDirectory& d,
                       const std::function<bool(std::string_view, unsigned char)>& visit) override {
    std::error_code ec;
    for (const auto& e : std::filesystem::directory_iterator(base_ + "/" + d.where.path, ec))
      if (!visit(e.path().filename().string(), e.is_directory() ? DT_DIR : DT_REG)) break;
    if (ec) return fail(ErrorKind::not_found, "no such directory");
    return {};
  }
  Result<policy::WalkDirectory> enter(const policy::WalkDirectory& parent,
                                      std::string_view name) override {
    policy::WalkDirectory d;
    d.where.shown = d.where.path = fs::join(parent.where.path, name);
    return d;
  }
  Result<policy::WalkedFile> open(const policy::WalkDirectory& parent,
                                  std::string_view name) override {
    if (name.starts_with("denied")) return fail(ErrorKind::denied, "not allowed");
    TRY(const Fd root, fs::open_root(base_));
    TRY(const Fd file, fs::resolve(root, fs::join(parent.where.path, name)));
    policy::WalkedFile out;
    TRY(out.fd, fs::reopen(file, 0));
    TRY(out.status, fs::stat_of(out.fd));
    return out;
  }
  bool filtered() const override { return false; }
  Result<void> finish() override { return {}; }

 private:
  std::string base_;
  policy::WalkDirectory root_;
};

class FolderAccess : public policy::Access {
 public:
  explicit FolderAccess(std::string base) : base_(std::move(base)) {}
  const policy::Remit& remit() const override { abort(); }
  const policy::Principal& principal() const override { abort(); }
  Result<policy::OpenFile> open(const policy::CallScope&, std::string_view path) override {
    const std::string name(path);
    if (fs::base_name(path).starts_with("denied")) return fail(ErrorKind::denied, "not allowed");
    if (std::filesystem::is_directory(base_ + "/" + name))
      return fail(ErrorKind::invalid_argument, "is a directory");
    TRY(const Fd root, fs::open_root(base_));
    TRY(const Fd file, fs::resolve(root, name));
    policy::OpenFile out;
    TRY(out.fd, fs::reopen(file, 0));
    out.where.shown = out.where.path = name;
    TRY(out.status, fs::stat_of(out.fd));
    return out;
  }
  Result<std::unique_ptr<policy::Walk>> list(const policy::CallScope&,
                                             std::string_view path) override {
    return std::make_unique<FolderWalk>(base_, std::string(path));
  }
  Result<memory::Document> open_document(const policy::CallScope&, std::string_view) override {
    return no();
  }
  Result<std::vector<memory::DocumentEntry>> list_documents(const policy::CallScope&,
                                                            std::string_view) override {
    return no();
  }
  Result<policy::Replaced> replace(const policy::CallScope&,
                                   const policy::ReplaceRequest&) override {
    return no();
  }
  Result<std::optional<policy::Question>> judge_replace(const policy::CallScope&,
                                                        const policy::ReplaceRequest&) override {
    return no();
  }
  Result<SpawnJudgement> judge_spawn(const policy::CallScope&,
                                     const policy::SpawnRequest&) override {
    return no();
  }
  Result<policy::SpawnOutcome> spawn(const policy::CallScope&, const policy::SpawnRequest&,
                                     const policy::OutputSink&, std::stop_token) override {
    return no();
  }
  const policy::SandboxReport& sandbox() const override { abort(); }
  Result<Fd> connect(const policy::CallScope&, std::string_view) override { return no(); }
  Result<void> judge_send(const policy::CallScope&, policy::HandoffKind,
                          const std::string&) override {
    return no();
  }
  Result<policy::Delivered> send(const policy::CallScope&, const policy::HandoffDraft&) override {
    return no();
  }
  Result<policy::KeptResult> keep_result(const policy::CallScope& call,
                                         std::string_view body) override {
    kept = body;
    return policy::KeptResult{"remit://result/" + call.call_id, "0"};
  }
  Result<policy::Action> describe(policy::Verb, std::string_view, std::string_view,
                                  policy::ReplaceOp) override {
    return no();
  }
  Result<void> walk_documents(const policy::CallScope&, std::string_view,
                              const policy::DocumentVisit&) override {
    return no();
  }
  Result<std::vector<memory::VersionRow>> document_history(const policy::CallScope&,
                                                           std::string_view) override {
    return no();
  }
  Result<std::string> document_version(const policy::CallScope&, std::string_view,
                                       std::int64_t) override {
    return no();
  }
  Result<policy::Inbox> list_inbox(const policy::CallScope&, const policy::InboxQuery&) override {
    return no();
  }
  Result<policy::HandoffRecord> open_handoff(const policy::CallScope&,
                                             const std::string&) override {
    return no();
  }
  Result<memory::Document> open_inbox_file(const policy::CallScope&, const std::string&) override {
    return no();
  }
  Result<memory::Handoff> respond(const policy::CallScope&, const policy::HandoffReply&) override {
    return no();
  }
  Result<policy::HandoffRecord> await_handoff(const policy::CallScope&, const std::string&,
                                              const std::string&,
                                              std::chrono::steady_clock::time_point,
                                              std::stop_token) override {
    return no();
  }
  Result<policy::Action> describe_handoff(std::string_view, const std::string&,
                                          std::string_view) override {
    return no();
  }
  std::string cwd() const override { return base_; }
  policy::Approvals& approvals() override { abort(); }
  std::string kept;  // what keep_result() was given last

 private:
  static tl::unexpected<Error> no() { return fail(ErrorKind::denied, "not in this test"); }
  std::string base_;
};

}  // namespace remit::diagnostics_test
