#include "server/process/folder_removal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace quintain::server {
namespace {

namespace fs = std::filesystem;

class FolderRemovalTest : public ::testing::Test {
 protected:
  FolderRemovalTest() {
    std::string base = (fs::temp_directory_path() / "removal-test-XXXXXX").string();
    EXPECT_NE(mkdtemp(base.data()), nullptr);
    base_ = base;
    tree_ = base_ / "tree";
    fs::create_directory(tree_);
  }
  ~FolderRemovalTest() override { fs::remove_all(base_); }

  static void write(const fs::path& file) { std::ofstream(file) << "x"; }

  fs::path base_;
  fs::path tree_;
};

TEST_F(FolderRemovalTest, RemovesFilesFoldersAndLinksButNotTheirTargets) {
  fs::create_directories(tree_ / "a/b/c");
  write(tree_ / "file");
  write(tree_ / "a/b/c/file");
  write(tree_ / ".removed-0");
  fs::create_directory(base_ / "outside");
  write(base_ / "outside/kept");
  fs::create_directory_symlink(base_ / "outside", tree_ / "a/link");
  fs::create_directory_symlink(base_ / "outside", tree_ / "link");
  ASSERT_EQ(mkfifo((tree_ / "a/pipe").c_str(), 0600), 0);
  remove_tree(tree_);
  EXPECT_FALSE(fs::exists(tree_));
  EXPECT_TRUE(fs::exists(base_ / "outside/kept"));
}

TEST_F(FolderRemovalTest, RemovesALinkInTheFoldersPlace) {
  fs::create_directory(base_ / "outside");
  write(base_ / "outside/kept");
  fs::remove(tree_);
  fs::create_directory_symlink(base_ / "outside", tree_);
  remove_tree(tree_);
  EXPECT_FALSE(fs::is_symlink(tree_));
  EXPECT_TRUE(fs::exists(base_ / "outside/kept"));
  remove_tree(base_ / "missing");
}

TEST_F(FolderRemovalTest, RemovesFoldersThatWereMadeUnreadable) {
  fs::create_directories(tree_ / "a/b/c");
  write(tree_ / "a/b/c/file");
  for (const char* name : {"a/b/c", "a/b", "a", "."}) chmod((tree_ / name).c_str(), 0);
  remove_tree(tree_);
  EXPECT_FALSE(fs::exists(tree_));
}

// Deeper than descriptors, the stack and the length of a path allow.
TEST_F(FolderRemovalTest, RemovesATreeOfAnyDepth) {
  constexpr int kDepth = 1000;
  int folder = open(tree_.c_str(), O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(mkdirat(folder, "folder", 0700), 0);
    const int next = openat(folder, "folder", O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(next, 0);
    close(folder);
    folder = next;
  }
  close(folder);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{.rlim_cur = 64, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &few);
  remove_tree(tree_);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(fs::exists(tree_));
}

TEST_F(FolderRemovalTest, TheRemoverRemovesEverythingBeforeItEnds) {
  {
    FolderRemover remover;
    for (int i = 0; i < 20; ++i) {
      const fs::path folder = tree_ / std::to_string(i);
      fs::create_directory(folder);
      if (i % 2 == 0) write(folder / "file");
      remover.remove(folder);
      // An empty folder is removed at once.
      EXPECT_TRUE(i % 2 == 0 || !fs::exists(folder));
    }
    remover.remove(tree_ / "missing");
    EXPECT_LE(remover.waiting(), 10);
  }
  EXPECT_TRUE(fs::is_empty(tree_));
}

}  // namespace
}  // namespace quintain::server
