// `quintain serve` as its users meet it: a process that prints its addresses.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace quintain {

/// A child process. Used by one thread, except tell().
class Served {
 public:
  Served(const std::vector<std::string>& arguments, const std::string& error_file) {
    std::vector<char*> words = {const_cast<char*>("quintain"), const_cast<char*>("serve")};
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) std::abort();
    const int errors = open(error_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    child_ = fork();
    if (child_ == 0) {
      // gRPC has threads here, so nothing but system calls.
      dup2(out[1], STDOUT_FILENO);
      dup2(errors, STDERR_FILENO);
      execv(QUINTAIN_PROGRAM, words.data());
      _exit(127);
    }
    close(out[1]);
    close(errors);
    out_ = fdopen(out[0], "r");
  }

  ~Served() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      wait();
    }
    std::fclose(out_);
  }

  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  /// The next line of its output; empty at the end.
  std::string line() {
    std::string text;
    for (int c = std::getc(out_); c != EOF && c != '\n'; c = std::getc(out_)) {
      text += static_cast<char>(c);
    }
    return text;
  }

  void tell(int signal) { kill(child_, signal); }

  /// Its exit code, once it has ended by itself; -1 if a signal ended it.
  int wait() {
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t child_ = -1;
  std::FILE* out_ = nullptr;
};

}  // namespace quintain
