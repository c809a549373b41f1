// The decisions that the contract leaves to a server, by their names in a manifest. The first value of
// each is the default.

export const POLICIES = {
  mode_unspecified: ['refused', 'sync'],
  stream_via_invoke: ['invalid_argument', 'unimplemented'],
  start_errors: ['grpc_status', 'failed_body'],
  success_sync: ['completed', 'served'],
  timeout_from: ['acceptance', 'start'],
  timeout_zero: ['default', 'unlimited'],
  cancel_running: ['cooperative', 'immediate'],
  cancel_unknown: ['answered', 'not_found'],
  sync_caller_gone: ['cancelled', 'continues'],
  duplicate_id: ['same_record', 'refused'],
  eta_quantile: ['0.5', '0.9'],
};

export const policyTexts = Object.entries(POLICIES).flatMap(([name, values]) =>
  values.map((value) => `${name}=${value}`),
);

// The value of every policy, with those of `texts` ("name=value", of policyTexts) in place of the
// defaults.
export function policiesOf(texts = []) {
  const defaults = Object.entries(POLICIES).map(([name, [first]]) => [name, first]);
  return Object.fromEntries([...defaults, ...texts.map((text) => text.split('='))]);
}
