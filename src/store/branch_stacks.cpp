// What the pipelines of branches have deployed.
#include "store/run_database.hpp"

namespace aphex::store {

Status RunDatabase::add_branch_stack(const BranchStack& stack) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement insert,
            database_.prepare("INSERT INTO branch_stacks (pipeline, environment, account, region,"
                              " stack, physical_name, qualifier) VALUES (?, ?, ?, ?, ?, ?, ?)"
                              " ON CONFLICT DO NOTHING"));
  insert.bind(stack.pipeline).bind(stack.environment).bind(stack.account).bind(stack.region);
  return insert.bind(stack.stack).bind(stack.physical_name).bind(stack.qualifier).run();
}

Result<std::vector<BranchStack>> RunDatabase::branch_stacks(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query,
            database_.prepare("SELECT number, pipeline, environment, account, region, stack,"
                              " physical_name, qualifier FROM branch_stacks WHERE pipeline = ?"
                              " ORDER BY number"));
  query.bind(pipeline);
  std::vector<BranchStack> stacks;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return stacks;
    stacks.push_back({query.integer(0), query.text(1), query.text(2), query.text(3), query.text(4),
                      query.text(5), query.text(6), query.text(7)});
  }
}

Status RunDatabase::remove_branch_stack(const BranchStack& stack) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement remove, database_.prepare("DELETE FROM branch_stacks WHERE number = ?"));
  return remove.bind(stack.number).run();
}

Result<std::vector<std::string>> RunDatabase::commits_of(const std::string& pipeline) {
  const std::lock_guard lock(mutex_);
  APHEX_TRY(Statement query, database_.prepare("SELECT DISTINCT commit_sha FROM runs"
                                               " WHERE pipeline = ? ORDER BY commit_sha"));
  query.bind(pipeline);
  std::vector<std::string> commits;
  while (true) {
    APHEX_TRY(const Statement::Row row, query.step());
    if (row == Statement::Row::none) return commits;
    commits.push_back(query.text(0));
  }
}

}  // namespace aphex::store
