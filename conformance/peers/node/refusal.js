// What a call is refused with: becomes the gRPC status of that name.
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
