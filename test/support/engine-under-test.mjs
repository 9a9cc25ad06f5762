/** Arguments that choose the engine: that of the environment variable `TEST_ENGINE`, else the default of the bundle. */
export const engineArguments = process.env.TEST_ENGINE ? [`--engine=${process.env.TEST_ENGINE}`] : [];
