// Faulty services: each is a proxy of the correct service with one fault.

import { statusEndpoint } from './messages.js';
import { Mode, Status } from './status.js';

// The service with the methods in `overrides` in place of its own.
function override(service, overrides) {
  return new Proxy(service, {
    get: (target, name) => overrides[name] ?? target[name].bind(target),
  });
}

// The service whose answers to InvokeFunction are changed by `change(answer, request)`.
const changeAnswer = (service, change) =>
  override(service, {
    InvokeFunction: async (request, call) => {
      const answer = await service.InvokeFunction(request, call);
      change(answer, request);
      return answer;
    },
  });

const faults = {
  // status_endpoint is set in SYNC mode.
  M1: (service) =>
    changeAnswer(service, (answer) => {
      answer.status_endpoint = statusEndpoint('', answer.execution_id);
    }),

  // estimated_completion_ms is always 0.
  M2: (service) =>
    changeAnswer(service, (answer) => {
      answer.estimated_completion_ms = 0;
    }),

  // Every answer to an invocation has success = false and FAILED.
  M3: (service) =>
    changeAnswer(service, (answer) => {
      answer.success = false;
      answer.result = { ...answer.result, status: Status.FAILED };
    }),

  // The mode is not read: every call acts as SYNC.
  M4: (service) =>
    override(service, {
      InvokeFunction: (request, call) =>
        service.InvokeFunction({ ...request, execution_mode: Mode.SYNC }, call),
    }),

  // A status query never finds anything.
  M5: (service) =>
    override(service, {
      GetExecutionStatus: (request) => service.GetExecutionStatus({ ...request, execution_id: '' }),
    }),

  // An ASYNC call is answered with PENDING, but only when the execution has ended.
  M6: (service, core) =>
    override(service, {
      InvokeFunction: async (request, call) => {
        const answer = await service.InvokeFunction(request, call);
        if (request.execution_mode === Mode.ASYNC) {
          await core.executions.get(answer.execution_id)?.ended;
        }
        return answer;
      },
    }),

  // The end of a function is never recorded.
  M7: (service) => {
    const forget = (record) => {
      if (![Status.COMPLETED, Status.FAILED].includes(record.status)) return;
      Object.assign(record, { status: Status.RUNNING, completed_at: null, error_message: '' });
      if ('error_code' in record) Object.assign(record, { error_code: '', result: null });
    };
    return override(service, {
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

// The service with the fault `name`; unchanged if `name` is null.
export function withFault(name, service, core) {
  return name === null ? service : faults[name](service, core);
}
