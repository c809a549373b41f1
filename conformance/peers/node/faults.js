// Faulty servers: each stands in front of the honest service and spoils one thing.

import { statusEndpoint } from './messages.js';
import { Mode, Status } from './status.js';

// A service whose calls in `overrides` come first; each gets the honest service to go on with.
function front(service, overrides) {
  return new Proxy(service, {
    get: (target, name) => overrides[name] ?? target[name].bind(target),
  });
}

const spoilAnswer = (service, spoil) =>
  front(service, {
    InvokeFunction: async (request, call) => {
      const answer = await service.InvokeFunction(request, call);
      spoil(answer, request);
      return answer;
    },
  });

const faults = {
  // status_endpoint is set in SYNC mode.
  M1: (service) =>
    spoilAnswer(service, (answer) => {
      answer.status_endpoint = statusEndpoint('', answer.execution_id);
    }),

  // estimated_completion_ms is always 0.
  M2: (service) =>
    spoilAnswer(service, (answer) => {
      answer.estimated_completion_ms = 0;
    }),

  // Every answer says success = false and FAILED.
  M3: (service) =>
    spoilAnswer(service, (answer) => {
      answer.success = false;
      answer.result = { ...answer.result, status: Status.FAILED };
    }),

  // The mode is not read: every call acts as SYNC.
  M4: (service) =>
    front(service, {
      InvokeFunction: (request, call) =>
        service.InvokeFunction({ ...request, execution_mode: Mode.SYNC }, call),
    }),

  // A status query never finds anything.
  M5: (service) =>
    front(service, {
      GetExecutionStatus: (request) => service.GetExecutionStatus({ ...request, execution_id: '' }),
    }),

  // An ASYNC call waits for the end before it says PENDING.
  M6: (service, core) =>
    front(service, {
      InvokeFunction: async (request, call) => {
        const answer = await service.InvokeFunction(request, call);
        if (request.execution_mode === Mode.ASYNC) {
          await core.executions.get(answer.execution_id)?.ended;
        }
        return answer;
      },
    }),

  // That an execution ended by itself is never recorded.
  M7: (service) => {
    const forget = (record) => {
      if (![Status.COMPLETED, Status.FAILED].includes(record.status)) return;
      Object.assign(record, { status: Status.RUNNING, completed_at: null, error_message: '' });
      if ('error_code' in record) Object.assign(record, { error_code: '', result: null });
    };
    return front(service, {
      GetExecutionStatus: async (request) => {
        const answer = await service.GetExecutionStatus(request);
        if (answer.found) forget(answer.result);
        return answer;
      },
      ListExecutions: async (request) => {
        const answer = await service.ListExecutions(request);
        answer.executions.forEach(forget);
        return answer;
      },
    });
  },
};

export const faultNames = Object.keys(faults);

// The service with that fault, or as it is if there is none.
export function withFault(name, service, core) {
  return name === null ? service : faults[name](service, core);
}
