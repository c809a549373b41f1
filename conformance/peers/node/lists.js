// Pages of lists.

import { Refusal } from './refusal.js';

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;

// The size of a page with the requested limit; throws if the limit is negative.
export function pageSize(limit, field = 'limit') {
  if (limit < 0) throw new Refusal('INVALID_ARGUMENT', `${field} is negative`);
  return limit === 0 ? DEFAULT_PAGE : Math.min(limit, MAX_PAGE);
}

// The first `size` entries, and whether there are more.
export function page(entries, size) {
  return { entries: entries.slice(0, size), hasMore: entries.length > size };
}

// A page token is the order of acceptance of the last entry, so that it is valid after the
// retention of that execution. It starts with a slash, which no execution id contains.
export const tokenAfter = (execution) => `/${execution.order}`;

// The order of acceptance after which a page starts; `token` may also be an execution id. Throws if
// it is neither.
export function orderOf(token, executions) {
  if (token === '') return 0;
  if (/^\/\d+$/.test(token)) return Number(token.slice(1));
  const execution = executions.get(token);
  if (execution) return execution.order;
  throw new Refusal('INVALID_ARGUMENT', `start_after is not a position in the list: '${token}'`);
}
