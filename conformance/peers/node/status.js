// The contract's enums, as numbers on the wire.

export const Mode = Object.freeze({ SYNC: 1, ASYNC: 2, STREAM: 3 });

export const Status = Object.freeze({
  UNSPECIFIED: 0,
  PENDING: 1,
  RUNNING: 2,
  COMPLETED: 3,
  FAILED: 4,
  CANCELLED: 5,
  TIMEOUT: 6,
});

export const InvocationType = Object.freeze({ UNSPECIFIED: 0, NEW_TASK: 1, EXISTING_TASK: 2 });

export const isTerminal = (status) => status >= Status.COMPLETED;

const names = Object.fromEntries(Object.entries(Status).map(([name, value]) => [value, name]));
export const statusName = (status) => names[status];
