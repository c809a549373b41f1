// The refusal of a call, thrown by a service: `code` is the name of the gRPC status.
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
