// A stand-in for policy::Access over one temporary directory: everything beneath it is granted,
// names that a test hides are denied. For tests of the search engine and the file tools only: it
// has the shape of the real one (descriptors, openat2 beneath the root, the same refusals), no
// policy.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/crypto.h"
#include "base/fs.h"
#include "policy/access.h"

namespace remit::test {

// A directory that is gone when the test is.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  // Writes a file, making its directories. `mtime_s`: seconds since 1970, 0 leaves it.
  void write(const std::string& name, const std::string& bytes, std::int64_t mtime_s = 0) const;
  std::string read(const std::string& name) const;
  bool exists(const std::string& name) const;

 private:
  std::string path_;
};

class FakeAccess : public policy::Access {
 public:
  explicit FakeAccess(std::string root);

  std::set<std::string> hidden;  // names (last components) this persona may not see
  std::size_t finished = 0;      // walks that wrote their records
  std::size_t replaced = 0;
  bool refuse_finish = false;

  const policy::Remit& remit() const override { return remit_; }
  const policy::Principal& principal() const override { return principal_; }
  Result<policy::OpenFile> open(const policy::CallScope& call, std::string_view path) override;
  Result<memory::Document> open_document(const policy::CallScope& call,
                                         std::string_view path) override;
  Result<std::unique_ptr<policy::Walk>> list(const policy::CallScope& call,
                                             std::string_view path) override;
  Result<std::vector<memory::DocumentEntry>> list_documents(const policy::CallScope& call,
                                                            std::string_view prefix) override;
  Result<policy::Replaced> replace(const policy::CallScope& call,
                                   const policy::ReplaceRequest& request) override;
  Result<std::optional<policy::Question>> judge_replace(const policy::CallScope&,
                                                        const policy::ReplaceRequest&) override {
    return std::optional<policy::Question>();
  }
  Result<SpawnJudgement> judge_spawn(const policy::CallScope& call,
                                     const policy::SpawnRequest& request) override;
  Result<policy::SpawnOutcome> spawn(const policy::CallScope& call,
                                     const policy::SpawnRequest& request,
                                     const policy::OutputSink& sink, std::stop_token stop) override;
  const policy::SandboxReport& sandbox() const override { return sandbox_; }
  Result<Fd> connect(const policy::CallScope& call, std::string_view target) override;
  Result<void> judge_send(const policy::CallScope& call, policy::HandoffKind kind,
                          const std::string& to) override;
  Result<policy::Delivered> send(const policy::CallScope& call,
                                 const policy::HandoffDraft& draft) override;
  Result<void> walk_documents(const policy::CallScope& call, std::string_view prefix,
                              const policy::DocumentVisit& visit) override;
  Result<std::vector<memory::VersionRow>> document_history(const policy::CallScope& call,
                                                           std::string_view path) override;
  Result<std::string> document_version(const policy::CallScope& call, std::string_view path,
                                       std::int64_t version) override;
  Result<policy::Inbox> list_inbox(const policy::CallScope& call,
                                   const policy::InboxQuery& query) override;
  Result<policy::HandoffRecord> open_handoff(const policy::CallScope& call,
                                             const std::string& id) override;
  Result<memory::Document> open_inbox_file(const policy::CallScope& call,
                                           const std::string& name) override;
  Result<memory::Handoff> respond(const policy::CallScope& call,
                                  const policy::HandoffReply& reply) override;
  Result<policy::HandoffRecord> await_handoff(const policy::CallScope& call, const std::string& id,
                                              const std::string& state,
                                              std::chrono::steady_clock::time_point deadline,
                                              std::stop_token stop) override;
  Result<policy::KeptResult> keep_result(const policy::CallScope& call,
                                         std::string_view body) override;
  Result<policy::Action> describe(policy::Verb verb, std::string_view tool, std::string_view path,
                                  policy::ReplaceOp op) override;
  Result<policy::Action> describe_handoff(std::string_view tool, const std::string& id,
                                          std::string_view act) override;
  std::string cwd() const override { return root_path_; }
  policy::Approvals& approvals() override;

 private:
  Result<std::string> relative(std::string_view path) const;
  policy::Location location(const std::string& relative_path) const;
  bool is_hidden(const std::string& relative_path) const;

  std::string root_path_;
  Fd root_;
  policy::Remit remit_;
  policy::Principal principal_;
  policy::SandboxReport sandbox_;
};

}  // namespace remit::test
