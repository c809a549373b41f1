// Removes folders that functions have filled.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace quintain::server {

/// Removes a folder and what is in it, at most for a minute: a process that escaped may add files
/// as fast as they are removed. Follows no symbolic link. A tree of any depth needs three
/// descriptors and no recursion. What can't be removed stays. Thread-safe.
void remove_tree(const std::string& path);

/// Removes folders on a thread of its own, one after the other: a function may leave a million
/// files behind. Thread-safe.
class FolderRemover {
 public:
  FolderRemover() = default;

  /// Removes what is left, then returns.
  ~FolderRemover();

  FolderRemover(const FolderRemover&) = delete;
  FolderRemover& operator=(const FolderRemover&) = delete;

  /// Removes the folder at once if it is empty, and otherwise later.
  void remove(const std::string& path);

  /// The folders that wait for their removal, or are being removed.
  std::size_t waiting() const;

 private:
  void keep_removing();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> paths_;
  bool over_ = false;
  std::thread thread_;  // started by the first folder that is not empty
};

}  // namespace quintain::server
