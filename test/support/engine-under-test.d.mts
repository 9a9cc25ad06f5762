export const engineArguments: readonly string[];
