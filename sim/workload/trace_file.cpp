#include "sim/workload/trace_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <streambuf>
#include <system_error>

namespace quintain::sim {
namespace {

constexpr std::size_t kBlock = 1 << 16;

// Recorded traces have at most some 100 MB a file. What is larger, unpacks to more, has longer
// lines or has a NUL is not a trace, and reading it to its end would take minutes or all memory.
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{4} << 30;
constexpr std::uint64_t kMaxTextBytes = std::uint64_t{16} << 30;
constexpr std::size_t kMaxLineBytes = std::size_t{4} << 20;

bool is_too_large(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return !error && size > kMaxFileBytes;
}

/// Reads through zlib, which passes through what is not compressed.
class ZlibBuffer final : public std::streambuf {
 public:
  explicit ZlibBuffer(gzFile file) : file_(file) {}
  ~ZlibBuffer() override { gzclose_r(file_); }
  ZlibBuffer(const ZlibBuffer&) = delete;
  ZlibBuffer& operator=(const ZlibBuffer&) = delete;

 protected:
  int_type underflow() override {
    const int length = gzread(file_, block_.data(), static_cast<unsigned>(block_.size()));
    // A file that is cut off reads as a short block and then as an error. Streams turn what
    // underflow() throws into badbit.
    int code = Z_OK;
    gzerror(file_, &code);
    if (length < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      throw std::ios_base::failure("not a whole gzip file");
    }
    if (length == 0) return traits_type::eof();
    check({block_.data(), static_cast<std::size_t>(length)});
    setg(block_.data(), block_.data(), block_.data() + length);
    return traits_type::to_int_type(block_.front());
  }

 private:
  void check(std::string_view text) {
    total_ += text.size();
    const std::size_t end = text.rfind('\n');
    line_ = end == std::string_view::npos ? line_ + text.size() : text.size() - end;
    if (total_ > kMaxTextBytes || line_ > kMaxLineBytes || text.find('\0') != text.npos) {
      throw std::ios_base::failure("not a trace");
    }
  }

  gzFile file_;
  std::uint64_t total_ = 0;
  std::size_t line_ = 0;  // bytes of the last line so far
  std::array<char, kBlock> block_;
};

class ZlibStream final : public std::istream {
 public:
  explicit ZlibStream(gzFile file) : std::istream(nullptr), buffer_(file) { rdbuf(&buffer_); }

 private:
  ZlibBuffer buffer_;
};

}  // namespace

std::unique_ptr<std::istream> open_trace_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) || is_too_large(path)) return nullptr;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return nullptr;
  gzbuffer(file, kBlock);
  return std::make_unique<ZlibStream>(file);
}

bool hash_trace_file(const std::filesystem::path& path, std::uint64_t& hash) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) || is_too_large(path)) return false;
  std::ifstream in(path, std::ios::binary);
  std::vector<char> block(kBlock);
  bool empty = true;
  do {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto length = static_cast<std::size_t>(in.gcount());
    empty = empty && length == 0;
    for (const char c : std::string_view(block.data(), length)) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
  } while (in);
  return !empty;
}

void LeftOutRows::add(std::string_view reason, std::int64_t calls,
                      const std::filesystem::path& file, int line, std::string_view detail) {
  auto found = std::ranges::find(reasons_, reason, &LeftOut::reason);
  if (found == reasons_.end()) {
    reasons_.push_back({.reason = std::string(reason),
                        .first = fmt::format("{}:{}: {}", file.filename().string(), line, detail)});
    found = reasons_.end() - 1;
  }
  ++found->rows;
  found->calls += calls;
}

std::vector<std::string> describe(const std::vector<LeftOut>& left_out) {
  std::vector<std::string> lines;
  for (const LeftOut& reason : left_out) {
    lines.push_back(fmt::format("left out: {} {} with {} {}, because {} (first: {})", reason.rows,
                                reason.rows == 1 ? "row" : "rows", reason.calls,
                                reason.calls == 1 ? "call" : "calls", reason.reason, reason.first));
  }
  return lines;
}

std::optional<double> parse_trace_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace quintain::sim
