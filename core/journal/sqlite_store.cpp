// SqliteStore: one table for each JournalTable, in WAL mode with synchronous=FULL, so that a commit
// is one write and one sync of the log. Each value has a checksum: SQLite notices a damaged page
// only if its structure is wrong.
#include "core/journal/sqlite_store.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <zlib.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace quintain::core {
namespace {

constexpr std::array<const char*, kJournalTables> kTableNames = {"tasks", "executions", "attempts"};

// "Quin", in the header of the file.
constexpr int kApplicationId = 0x5175696e;
constexpr int kVersion = 1;

// SQLite copies its log into the database whenever it has this many pages of 4 KiB.
constexpr int kCheckpointPages = 4000;

// The order of the checks matters: the lock first, and nothing is written before the file is known
// to be a store.
constexpr const char* kLock = "PRAGMA locking_mode = EXCLUSIVE";
constexpr const char* kModes = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";

std::uint32_t checksum(JournalTable table, std::uint64_t key, std::string_view value) {
  std::array<unsigned char, 9> head{static_cast<unsigned char>(table)};
  for (std::size_t i = 0; i < 8; ++i) head[i + 1] = static_cast<unsigned char>(key >> (8 * i));
  uLong crc = crc32(0, head.data(), static_cast<uInt>(head.size()));
  crc = crc32(crc, reinterpret_cast<const Bytef*>(value.data()), static_cast<uInt>(value.size()));
  return static_cast<std::uint32_t>(crc);
}

class Statement {
 public:
  Statement() = default;
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  int prepare(sqlite3* database, const std::string& text) {
    return sqlite3_prepare_v3(database, text.c_str(), static_cast<int>(text.size()),
                              SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  }
  sqlite3_stmt* get() { return statement_; }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace

class SqliteStore::Database {
 public:
  explicit Database(std::string path) : path_(std::move(path)) {}
  ~Database() {
    for (auto& statement : put_) statement.reset();
    for (auto& statement : remove_) statement.reset();
    sqlite3_close(database_);
  }

  absl::Status open(const char* vfs) {
    // Debian's SQLite takes "file:..." for a URI, and ":memory:" is no file.
    const std::string name = path_.starts_with('/') ? path_ : "./" + path_;
    constexpr int kFlags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (const int code = sqlite3_open_v2(name.c_str(), &database_, kFlags, vfs);
        code != SQLITE_OK) {
      return opening(code);
    }
    int application = 0;
    int version = 0;
    int tables = 0;
    int code = execute(kLock);
    if (code == SQLITE_OK) code = number("PRAGMA application_id", application);
    if (code == SQLITE_OK) code = number("PRAGMA user_version", version);
    if (code == SQLITE_OK) code = number("SELECT count(*) FROM sqlite_schema", tables);
    if (code != SQLITE_OK) return opening(code);
    const bool fresh = application == 0 && version == 0 && tables == 0;
    if (!fresh && application != kApplicationId) {
      return wrong("is a database of another program; name another file");
    }
    if (version > kVersion) {
      return wrong(
          fmt::format("has version {}, and this program knows versions up to {}; use the "
                      "program that wrote it, or a newer one",
                      version, kVersion));
    }
    code = execute(kModes);
    if (code == SQLITE_OK) code = execute("BEGIN EXCLUSIVE");
    if (code == SQLITE_OK && fresh) code = create();
    if (code == SQLITE_OK) code = execute("COMMIT");
    if (code == SQLITE_OK) code = sqlite3_wal_autocheckpoint(database_, kCheckpointPages);
    if (code != SQLITE_OK) return opening(code);
    if (auto status = check(); !status.ok()) return status;
    for (std::size_t table = 0; table < kJournalTables && code == SQLITE_OK; ++table) {
      put_[table] = std::make_unique<Statement>();
      remove_[table] = std::make_unique<Statement>();
      code = put_[table]->prepare(
          database_,
          fmt::format("INSERT OR REPLACE INTO {}(key, value, checksum) VALUES(?1, ?2, ?3)",
                      kTableNames[table]));
      if (code != SQLITE_OK) break;
      code = remove_[table]->prepare(
          database_, fmt::format("DELETE FROM {} WHERE key = ?1", kTableNames[table]));
    }
    return code == SQLITE_OK ? absl::OkStatus() : opening(code);
  }

  // Of several values for one record only the last is written: a short execution is accepted,
  // starts and ends within one commit.
  absl::Status commit(std::span<const JournalRecord> records) {
    last_.clear();
    for (std::size_t i = 0; i < records.size(); ++i) {
      last_[{records[i].table, records[i].key}] = i;
    }
    int code = execute("BEGIN IMMEDIATE");
    for (std::size_t i = 0; i < records.size() && code == SQLITE_OK; ++i) {
      const JournalRecord& record = records[i];
      if (last_.find({record.table, record.key})->second == i) code = write(record);
    }
    if (code == SQLITE_OK) code = execute("COMMIT");
    if (code == SQLITE_OK) return absl::OkStatus();
    absl::Status status =
        absl::UnavailableError(fmt::format("{}: {}", path_, sqlite3_errmsg(database_)));
    if (sqlite3_get_autocommit(database_) == 0) execute("ROLLBACK");
    return status;
  }

  absl::Status replay(const std::function<absl::Status(JournalRecord)>& visit) {
    for (std::size_t table = 0; table < kJournalTables; ++table) {
      Statement rows;
      int code = rows.prepare(
          database_,
          fmt::format("SELECT key, value, checksum FROM {} ORDER BY key", kTableNames[table]));
      if (code != SQLITE_OK) return opening(code);
      while ((code = sqlite3_step(rows.get())) == SQLITE_ROW) {
        const auto key = static_cast<std::uint64_t>(sqlite3_column_int64(rows.get(), 0));
        const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(rows.get(), 1));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(rows.get(), 1));
        const std::string_view value(size == 0 ? "" : bytes, size);
        const auto name = static_cast<JournalTable>(table);
        if (sqlite3_column_int64(rows.get(), 2) != checksum(name, key, value)) {
          return damaged(
              fmt::format("the checksum of record {} of {} is wrong", key, kTableNames[table]));
        }
        if (auto status = visit({.table = name, .key = key, .value = std::string(value)});
            !status.ok()) {
          return damaged(std::string(status.message()));
        }
      }
      if (code != SQLITE_DONE) return opening(code);
    }
    return absl::OkStatus();
  }

 private:
  int execute(const char* text) { return sqlite3_exec(database_, text, nullptr, nullptr, nullptr); }

  int number(const char* query, int& result) {
    Statement statement;
    int code = statement.prepare(database_, query);
    if (code != SQLITE_OK) return code;
    code = sqlite3_step(statement.get());
    if (code != SQLITE_ROW) return code == SQLITE_DONE ? SQLITE_CORRUPT : code;
    result = sqlite3_column_int(statement.get(), 0);
    return SQLITE_OK;
  }

  int create() {
    for (const char* const table : kTableNames) {
      const int code =
          execute(fmt::format("CREATE TABLE {}(key INTEGER PRIMARY KEY, value BLOB NOT NULL, "
                              "checksum INTEGER NOT NULL)",
                              table)
                      .c_str());
      if (code != SQLITE_OK) return code;
    }
    return execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                               kApplicationId, kVersion)
                       .c_str());
  }

  absl::Status check() {
    Statement statement;
    int code = statement.prepare(database_, "PRAGMA quick_check(1)");
    if (code != SQLITE_OK) return opening(code);
    code = sqlite3_step(statement.get());
    if (code != SQLITE_ROW) return opening(code);
    const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
    if (text == nullptr || std::string_view(text) != "ok") {
      return damaged(text == nullptr ? "no answer" : text);
    }
    return absl::OkStatus();
  }

  int write(const JournalRecord& record) {
    const auto table = static_cast<std::size_t>(record.table);
    sqlite3_stmt* const statement = (record.value ? put_ : remove_)[table]->get();
    int code = sqlite3_bind_int64(statement, 1, static_cast<sqlite3_int64>(record.key));
    if (record.value && code == SQLITE_OK) {
      code = sqlite3_bind_blob64(statement, 2, record.value->data(), record.value->size(),
                                 SQLITE_STATIC);
    }
    if (record.value && code == SQLITE_OK) {
      code = sqlite3_bind_int64(statement, 3, checksum(record.table, record.key, *record.value));
    }
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
  }

  absl::Status opening(int code) {
    switch (code & 0xff) {
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return wrong("is in use by another process; stop that one or name another file");
      case SQLITE_NOTADB:
        return wrong("is no SQLite database, so it is no store; name another file");
      case SQLITE_CORRUPT:
        return damaged(sqlite3_errmsg(database_));
      default:
        return wrong(fmt::format("can't be used: {}", sqlite3_errmsg(database_)));
    }
  }

  absl::Status damaged(std::string_view what) const {
    return absl::DataLossError(fmt::format(
        "{} is damaged: {}; restore it from a copy, or name another file to start without it",
        path_, what));
  }

  absl::Status wrong(std::string_view what) const {
    return absl::FailedPreconditionError(fmt::format("{} {}", path_, what));
  }

  std::string path_;
  sqlite3* database_ = nullptr;
  std::array<std::unique_ptr<Statement>, kJournalTables> put_;
  std::array<std::unique_ptr<Statement>, kJournalTables> remove_;
  // Scratch space of commit(): the position of the last value for each record.
  absl::flat_hash_map<std::pair<JournalTable, std::uint64_t>, std::size_t> last_;
};

SqliteStore::SqliteStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}
SqliteStore::~SqliteStore() = default;

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path,
                                                               const char* vfs) {
  auto database = std::make_unique<Database>(path);
  if (auto status = database->open(vfs); !status.ok()) return status;
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(database)));
}

absl::Status SqliteStore::commit(std::span<const JournalRecord> records) {
  return database_->commit(records);
}

absl::Status SqliteStore::replay(const std::function<absl::Status(JournalRecord)>& visit) {
  return database_->replay(visit);
}

}  // namespace quintain::core
