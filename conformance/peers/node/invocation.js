// The services of the profiles spear-2026-03 and spear-2026-05, on top of the contract's service. The
// encoding of parameters and payloads is described in proto/profiles/spear_2026_05.proto.

import { randomUUID } from 'node:crypto';

import { Refusal } from './refusal.js';
import { InvocationType } from './status.js';
import { stringValue } from './values.js';

const MAX_PAGE = 1000;
const DEFAULT_PAGE = 100;
const NO_TYPE = 'application/octet-stream';
const PARAMETER_PREFIX = 'parameter.';

// The contract's parameters: first the input, which has no name, then the named ones.
function parametersOf({ input, metadata }) {
  const first = input && {
    name: '',
    value: {
      type_url: input.content_type === NO_TYPE ? '' : input.content_type,
      value: input.data,
    },
  };
  const named = Object.entries(metadata)
    .filter(([key]) => key.startsWith(PARAMETER_PREFIX))
    .map(([key, text]) => ({ name: key.slice(PARAMETER_PREFIX.length), value: stringValue(text) }));
  return [...(first ? [first] : []), ...named];
}

function payloadOf(any) {
  if (!any) return null;
  return { content_type: any.type_url || NO_TYPE, data: any.value };
}

const errorOf = (code, message) => (code === '' ? null : { code, message });

function contractRequest(request) {
  return {
    invocation_type: InvocationType.EXISTING_TASK,
    task_name: '',
    task_description: '',
    artifact_spec: null,
    task_id: request.task_id,
    execution_mode: request.mode,
    function_name: request.function_name,
    parameters: parametersOf(request),
    context: {
      execution_id: '',
      session_id: request.session_id,
      user_id: '',
      environment: request.environment,
      headers: request.headers,
      timeout_ms: request.timeout_ms,
      max_retries: 0,
    },
    create_if_not_exists: false,
    force_new_instance: request.force_new_instance,
    invocation_metadata: request.metadata,
    execution_id: request.execution_id,
  };
}

// `march`: with InvokeStream, and with CancelExecution instead of TerminateExecution.
export function invocationServices(service, core, { march = false } = {}) {
  const invocations = new WeakMap(); // the invocation's id by execution

  // The fields that GetExecution and ListExecutions have in common.
  const describe = (record, { status, started_at: startedAt, completed_at: completedAt }) => ({
    invocation_id: invocations.get(record),
    execution_id: record.id,
    task_id: record.spec.taskId,
    function_name: record.spec.functionName,
    instance_id: record.instanceId,
    status,
    started_at: startedAt,
    completed_at: completedAt,
  });

  const InvocationService = {
    async Invoke(request, call) {
      const answer = await service.InvokeFunction(contractRequest(request), call);
      const record = core.executions.get(answer.execution_id);
      if (!invocations.has(record)) {
        invocations.set(record, request.invocation_id || randomUUID());
      }
      const { result } = answer;
      return {
        invocation_id: invocations.get(record),
        execution_id: answer.execution_id,
        instance_id: answer.instance_id,
        status: result.status,
        output: payloadOf(result.result),
        error: errorOf(result.error_code, result.error_message),
        started_at: result.started_at,
        completed_at: result.completed_at,
      };
    },
  };

  if (march) {
    InvocationService.InvokeStream = (request, call, write) =>
      service.StreamFunction(contractRequest(request), call, (message) =>
        write({
          invocation_id: request.invocation_id,
          execution_id: message.execution_id,
          instance_id: '',
          status: message.status,
          chunk: payloadOf(message.chunk_data),
          is_final: message.is_final,
          error: errorOf(message.metadata.error_code ?? '', message.error_message),
          metadata: message.metadata,
        }),
      );
  }

  const ExecutionService = {
    async GetExecution({ execution_id: id, include_output: output }) {
      const query = { execution_id: id, include_result: output, include_logs: false };
      const { found, result } = await service.GetExecutionStatus(query);
      if (!found) throw new Refusal('NOT_FOUND', `there is no execution '${id}'`);
      return {
        ...describe(core.executions.get(id), result),
        output: payloadOf(result.result),
        error: errorOf(result.error_code, result.error_message),
      };
    },

    [march ? 'CancelExecution' : 'TerminateExecution']({ execution_id: id, reason }) {
      return service.CancelExecution({ execution_id: id, reason, force: false });
    },

    async ListExecutions({ task_id: task, invocation_id: invocation, limit, page_token: token }) {
      const size = Math.min(limit || DEFAULT_PAGE, MAX_PAGE);
      const executions = [];
      let place = token;
      do {
        const page = await service.ListExecutions({
          task_id: task,
          limit: size - executions.length,
          start_after: place,
          status_filter: 0,
        });
        for (const info of page.executions) {
          const record = core.executions.get(info.execution_id);
          if (invocation !== '' && invocations.get(record) !== invocation) continue;
          const error = errorOf(info.error_message && record.errorCode, info.error_message);
          executions.push({ ...describe(record, info), output: null, error });
        }
        place = page.next_start_after;
      } while (place !== '' && executions.length < size);
      return { executions, next_page_token: place };
    },
  };

  return {
    'spearlet.InvocationService': InvocationService,
    'spearlet.ExecutionService': ExecutionService,
  };
}
