// Pages of lists.

import { Refusal } from './refusal.js';

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

// How many entries a page has for the limit that was asked.
export function pageSize(limit, field = 'limit') {
  if (limit < 0) throw new Refusal('INVALID_ARGUMENT', `${field} is negative`);
  return limit === 0 ? DEFAULT_PAGE : Math.min(limit, LARGEST_PAGE);
}

// The first `size` of the entries, and whether that leaves some.
export function page(entries, size) {
  return { entries: entries.slice(0, size), hasMore: entries.length > size };
}

// A place in the list of executions outlives the execution that stands there, so it names the order
// of acceptance. No execution id has a slash.
export const placeAfter = (execution) => `/${execution.order}`;

export function orderOf(place, executions) {
  if (place === '') return 0;
  if (/^\/\d+$/.test(place)) return Number(place.slice(1));
  const execution = executions.get(place);
  if (execution) return execution.order;
  throw new Refusal('INVALID_ARGUMENT', `start_after names no place in the list: '${place}'`);
}
