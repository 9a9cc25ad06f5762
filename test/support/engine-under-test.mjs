const { TEST_ENGINE: engine, TEST_TRANSPORT: transport } = process.env;

/** Arguments that choose engine and transport as the environment variables `TEST_ENGINE` and `TEST_TRANSPORT` say, if they do. */
export const engineArguments = [
  ...(engine ? [`--engine=${engine}`] : []),
  ...(transport ? [`--transport=${transport}`] : []),
];
