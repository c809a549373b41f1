#include <algorithm>
#include <array>

#include "conformance/judgement/clauses/clause.h"

namespace quintain::conformance {
namespace {

using enum Level;

// Where a clause comes from.
constexpr std::string_view kAnalysis = "analysis";
constexpr std::string_view kInterface = "interface";
constexpr std::string_view kDecision = "decision";
constexpr std::string_view kGrpc = "gRPC status codes";
constexpr std::string_view kProtobuf = "Protocol Buffers encoding";
constexpr std::string_view kLinearizability = "Herlihy and Wing 1990";

constexpr std::array kClauses = std::to_array<Clause>({
    // ---- SYNC: what a call that waits for its result is told ------------------------------------
    {"SYNC-1", kMust,
     "A SYNC answer has an empty status_endpoint and no estimate, however the function ended.",
     kAnalysis, "fixture echo"},
    {"SYNC-2", kMust, "A SYNC answer comes with a final status and the whole result.", kAnalysis,
     "fixture echo"},
    {"SYNC-3", kMust,
     "Every SYNC answer names its execution; an id that the caller chose comes back unchanged.",
     kInterface, "fixture echo"},
    {"SYNC-4", kMust,
     "What COMPLETED carries no error; what ended otherwise carries an error_code and no payload.",
     kInterface, "fixtures echo, fail"},
    {"SYNC-5", kMust,
     "success of a SYNC answer is true for COMPLETED and for nothing else, unless the target "
     "declares that it only says that the call was served.",
     kDecision, "fixtures echo, fail"},
    {"SYNC-6", kMust,
     "The task and the function that were asked for are the ones that run, and answers name the "
     "task by the id that was asked for.",
     kAnalysis, "fixture echo"},

    // ---- ASYNC: what a call that does not wait is told, and what follows ------------------------
    {"ASYNC-1", kMust,
     "The first answer to an ASYNC call is PENDING, without payload and without an end, even for "
     "work that is over at once.",
     kAnalysis, "fixture echo"},
    {"ASYNC-2", kMust,
     "An ASYNC answer has a status_endpoint that holds the execution's id and leads to that "
     "execution.",
     kAnalysis, "fixture echo; status_endpoint_http to follow it"},
    {"ASYNC-3", kMust, "An ASYNC answer does not wait for the function.", kAnalysis,
     "fixture sleep"},
    {"ASYNC-4", kMust, "A status query that is sent after the answer finds the execution.",
     kAnalysis, "fixture sleep"},
    {"ASYNC-5", kMust,
     "The estimate of an ASYNC answer is a positive length of time in milliseconds and not a point "
     "in time.",
     kAnalysis, "fixture echo"},
    {"ASYNC-6", kMust, "A task that does not exist is refused at once and never becomes PENDING.",
     kAnalysis, ""},
    {"ASYNC-7", kMust, "An accepted ASYNC execution goes on when its caller goes away.", kDecision,
     "fixture sleep"},
    {"ASYNC-8", kMust, "A failure after acceptance shows as FAILED with an error_code.", kAnalysis,
     "fixture fail"},
    {"ASYNC-9", kMust,
     "A full queue refuses with RESOURCE_EXHAUSTED and leaves no trace of the call.", kDecision,
     "fixture sleep; declared slots and queue_limit"},

    // ---- MODE -----------------------------------------------------------------------------------
    {"MODE-1", kMust,
     "A mode that is unspecified or unknown is treated as declared, and never as ASYNC behind the "
     "caller's back.",
     kDecision, "fixture echo"},
    {"MODE-2", kMust, "InvokeFunction refuses the mode STREAM.", kAnalysis, "fixture echo"},
    {"MODE-3", kMust, "The same request is answered in another shape in the other mode.", kAnalysis,
     "fixture echo"},

    // ---- STATE: an execution's execution as its readers see it
    // ---------------------------------------
    {"STATE-1", kMust,
     "An execution goes from PENDING to RUNNING to one end, or from PENDING straight to CANCELLED, "
     "TIMEOUT or FAILED; what waits for a slot is PENDING.",
     kAnalysis, "fixture sleep; declared slots to fill them"},
    {"STATE-2", kMust,
     "A final status stays, and with it the result, the times and the error that were first told.",
     kAnalysis, "fixture echo"},
    {"STATE-3", kMust, "However calls race, an execution ends in one way, whoever tells of it.",
     kAnalysis, "fixture sleep"},
    {"STATE-4", kMust,
     "Status reads are linearizable: once a read has returned a stage, no read that begins later "
     "shows an earlier one.",
     kLinearizability, "fixture sleep"},
    {"STATE-5", kMust, "No execution ever has the status UNSPECIFIED.", kInterface, "fixture echo"},
    {"STATE-6", kMust,
     "Acceptance, started_at and completed_at are in that order; each is unset until it has "
     "happened and does not move afterwards.",
     kInterface, "fixture sleep"},
    {"STATE-7", kShould, "execution_time_ms is the time from started_at to completed_at.",
     kInterface, "fixture sleep"},
    {"STATE-8", kMust, "Asking changes nothing: not the execution, not the lists, not the counts.",
     kDecision, "fixture echo"},
    {"STATE-9", kMust,
     "A found execution always comes with a result that has its status; include_result = false "
     "leaves out the payload and nothing else.",
     kInterface, "fixtures echo, sleep"},
    {"STATE-10", kMust, "An id that names no execution is answered with found = false, no error.",
     kInterface, ""},

    // ---- CANCEL ---------------------------------------------------------------------------------
    {"CANCEL-1", kMust, "A cancel of an id that names no execution does not succeed.", kAnalysis,
     ""},
    {"CANCEL-2", kMust,
     "A cancel that comes after the end changes nothing and is told the status that stands.",
     kAnalysis, "fixture echo"},
    {"CANCEL-3", kMust,
     "What is called CANCELLED does not complete after all, and a cancel without effect is not "
     "called a success.",
     kAnalysis, "fixtures sleep, stubborn"},
    {"CANCEL-4", kMust, "A second cancel does no harm.", kDecision, "fixtures sleep, stubborn"},
    {"CANCEL-5", kMust, "A cancelled execution's record stays, CANCELLED, with the reason given.",
     kAnalysis, "fixture sleep"},
    {"CANCEL-6", kMust, "What is cancelled while PENDING never starts.", kAnalysis,
     "fixture sleep; declared slots"},
    {"CANCEL-7", kMust,
     "Cancelling a running function reaches it, and its slot is free once the grace is over.",
     kDecision, "fixtures sleep, stubborn; declared slots and cancel_grace_ms"},
    {"CANCEL-8", kMust, "A cancel that meets the start of its execution is not lost.", kAnalysis,
     "fixture sleep"},
    {"CANCEL-9", kMust,
     "A SYNC caller whose execution another client cancels is answered with CANCELLED.", kDecision,
     "fixture sleep"},

    // ---- TIME -----------------------------------------------------------------------------------
    {"TIME-1", kMust,
     "When its time runs out an execution ends as TIMEOUT, neither earlier nor later than the "
     "declared origin plus the timeout.",
     kDecision, "fixture sleep"},
    {"TIME-2", kMust, "A call whose deadline has passed starts nothing.", kDecision,
     "fixture sleep"},
    {"TIME-3", kMust,
     "The least of the deadline of a SYNC call, timeout_ms and the node's maximum holds; 0 means "
     "what is declared, a negative timeout is refused.",
     kDecision, "fixture sleep; declared maximum_timeout_ms and default_sync_timeout_ms"},
    {"TIME-4", kMust,
     "A function that ends after its TIMEOUT changes nothing, and its slot is free again.",
     kDecision, "fixture stubborn; declared slots"},
    {"TIME-5", kMust, "What falls on one instant is decided as declared.", kDecision,
     "virtual time"},
    {"TIME-6", kMust, "An execution whose time runs out while it waits is never started.",
     kDecision, "fixture sleep; declared slots"},
    {"TIME-7", kMust,
     "A function is tried at most once more than max_retries says, all within the one timeout.",
     kInterface, "fixture fail"},

    // ---- IDEM: an id that is given again --------------------------------------------------------
    {"IDEM-1", kMust,
     "The same id with the same request is one execution with one record, or is refused where that "
     "is declared.",
     kDecision, "fixture echo"},
    {"IDEM-2", kMust,
     "The same id with another request is refused, and the first execution takes no harm.",
     kDecision, "fixture echo"},
    {"IDEM-3", kMust, "The same holds while the first execution has not ended.", kDecision,
     "fixture sleep"},
    {"IDEM-4", kMust, "Past the retention a record is not found, and its id is free.", kDecision,
     "fixture echo; declared retention_ms"},

    // ---- STREAM ---------------------------------------------------------------------------------
    {"STREAM-1", kMust, "One message of a stream is final, and it is the last.", kInterface,
     "fixture stream"},
    {"STREAM-2", kMust,
     "All messages of a stream name one execution, and the last has its final status.", kInterface,
     "fixture stream"},
    {"STREAM-3", kMust,
     "When the reader of a stream goes away its execution ends as CANCELLED, and nothing is sent "
     "any more.",
     kDecision, "fixture stream"},
    {"STREAM-4", kMust, "A stream tells of an error once, at its end.", kInterface,
     "fixtures stream, fail"},

    // ---- LIST -----------------------------------------------------------------------------------
    {"LIST-1", kMust,
     "Pages leave out nothing and repeat nothing while executions are added, and has_more is true "
     "exactly when more follow.",
     kInterface, "fixture echo"},
    {"LIST-2", kMust, "A negative limit is refused; 0 gives a page of the default size.", kDecision,
     ""},
    {"LIST-3", kMust, "status_filter lets only that status through.", kInterface,
     "fixtures echo, fail"},
    {"LIST-4", kMust, "GetStats and GetHealth count what the lists hold.", kInterface,
     "fixtures echo, fail"},
    {"LIST-5", kMust, "DeleteTask without force refuses a task that has work to do.", kDecision,
     "fixture sleep"},

    // ---- ETA ------------------------------------------------------------------------------------
    {"ETA-1", kMust, "An estimate is positive for ASYNC and 0 for SYNC.", kAnalysis,
     "fixture echo"},
    {"ETA-2", kMust,
     "Functions of different length do not share one constant estimate once both have run.",
     kAnalysis, "fixtures echo, sleep"},
    {"ETA-3", kMust, "The estimate grows with the queue in front.", kDecision,
     "fixture sleep; declared slots"},
    {"ETA-4", kShould,
     "Estimates are calibrated: over many executions the median and the 90th percentile cover "
     "about what their names say.",
     kDecision, "fixture sleep"},

    // ---- WIRE -----------------------------------------------------------------------------------
    {"WIRE-1", kMust,
     "The target's descriptor has every field of the contract, with its number, type and label.",
     kInterface, "server reflection, --proto or --descriptor-set"},
    {"WIRE-2", kMust, "Fields that the target does not know are passed over.", kProtobuf,
     "fixture echo; a wire"},
    {"WIRE-3", kMust, "A call that is not served is answered with UNIMPLEMENTED.", kGrpc, "a wire"},
    {"WIRE-4", kMust,
     "Bytes that are no message, and messages that are too large, get a gRPC error; the next call "
     "works.",
     kGrpc, "fixture echo; a wire; declared largest_message"},
});

}  // namespace

std::span<const Clause> all_clauses() { return kClauses; }

const Clause* find_clause(std::string_view id) {
  const auto* const found = std::ranges::find(kClauses, id, &Clause::id);
  return found == kClauses.end() ? nullptr : &*found;
}

}  // namespace quintain::conformance
