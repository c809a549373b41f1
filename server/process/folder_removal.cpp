// A function may leave a tree of any depth, with folders that it has made unreadable. So nothing
// here recurses or follows a path of several parts.
#include "server/process/folder_removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "server/system/descriptor.h"

namespace quintain::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kMaxTime(1);

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

// Calls visit(name) for each entry until it returns false.
template <class Visit>
void for_each_entry(int folder, Visit visit) {
  const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return;
  const std::unique_ptr<DIR, CloseFolder> listing(fdopendir(copy));
  if (listing == nullptr) {
    close(copy);
    return;
  }
  while (const dirent* entry = readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !visit(entry->d_name)) return;
  }
}

// Removes a file or an empty folder.
bool remove_entry(int folder, const char* name) {
  return unlinkat(folder, name, 0) == 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

// Opens a folder, not a link to one, even if its mode forbids it.
Descriptor open_folder(int parent, const char* name) {
  fchmodat(parent, name, S_IRWXU, AT_SYMLINK_NOFOLLOW);
  return Descriptor(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Empties a folder from the bottom, with one open folder at a time.
class Removal {
 public:
  Removal(Descriptor top, Clock::time_point until)
      : current_(std::move(top)), until_(until), levels_(1) {}

  void run() {
    while (Clock::now() < until_) {
      if (descend()) continue;
      if (levels_.size() == 1 || !ascend()) return;
    }
  }

 private:
  struct Level {
    std::string name{};
    // What identifies the folder above, so that one that was moved meanwhile does not lead
    // elsewhere.
    dev_t parent_device = 0;
    ino_t parent_inode = 0;
    std::set<std::string> stuck{};  // entries that could not be removed
  };

  // Removes what it can in the current folder, until a folder that is not empty, which becomes the
  // current one. Returns whether there is one.
  bool descend() {
    std::string inner;
    for_each_entry(current_.get(), [&](const char* name) {
      Level& level = levels_.back();
      if (!level.stuck.contains(name) && !remove_entry(current_.get(), name)) {
        inner = name;
        return false;
      }
      return Clock::now() < until_;
    });
    if (inner.empty()) return false;
    struct stat status{};
    Descriptor folder = open_folder(current_.get(), inner.c_str());
    if (!folder.is_open() || fstat(current_.get(), &status) != 0) {
      levels_.back().stuck.insert(std::move(inner));
      return true;  // looks at the other entries
    }
    levels_.push_back(
        {.name = std::move(inner), .parent_device = status.st_dev, .parent_inode = status.st_ino});
    current_ = std::move(folder);
    return true;
  }

  // Goes back to the folder above and removes the one that was left. Returns whether it could.
  bool ascend() {
    Descriptor parent(openat(current_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    Level left = std::move(levels_.back());
    levels_.pop_back();
    if (!parent.is_open() || fstat(parent.get(), &status) != 0 ||
        status.st_dev != left.parent_device || status.st_ino != left.parent_inode) {
      return false;
    }
    current_ = std::move(parent);
    if (unlinkat(current_.get(), left.name.c_str(), AT_REMOVEDIR) != 0) {
      levels_.back().stuck.insert(std::move(left.name));
    }
    return true;
  }

  Descriptor current_;
  const Clock::time_point until_;
  std::vector<Level> levels_;  // the first is the top
};

}  // namespace

void remove_tree(const std::string& path) {
  if (remove_entry(AT_FDCWD, path.c_str())) return;
  if (Descriptor top = open_folder(AT_FDCWD, path.c_str()); top.is_open()) {
    Removal(std::move(top), Clock::now() + kMaxTime).run();
  }
  unlinkat(AT_FDCWD, path.c_str(), AT_REMOVEDIR);
}

FolderRemover::~FolderRemover() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FolderRemover::remove(const std::string& path) {
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return;
  {
    const std::lock_guard lock(mutex_);
    paths_.push_back(path);
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { keep_removing(); });
  changed_.notify_all();
}

std::size_t FolderRemover::waiting() const {
  const std::lock_guard lock(mutex_);
  return paths_.size();
}

void FolderRemover::keep_removing() {
  pthread_setname_np(pthread_self(), "folder-remover");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return over_ || !paths_.empty(); });
    if (paths_.empty()) return;
    const std::string path = paths_.front();
    lock.unlock();
    remove_tree(path);
    lock.lock();
    paths_.pop_front();
  }
}

}  // namespace quintain::server
