import { defineConfig, type Options } from "tsup";
import base from "../../tsup.config.ts";

/** Our packages go in from their sources, so that what is not used is left out. */
const bundled: Options = {
  ...base,
  noExternal: [/^@ctxpack\//],
  esbuildOptions(options) {
    options.conditions = ["@ctxpack/source"];
    // Names stay, for the sake of stack traces.
    options.minifyWhitespace = true;
    // `require` does at once what `import` of CommonJS does by way of a loader that reads the file a second time.
    options.supported = { "dynamic-import": false };
  },
};

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** What only runs of agents need is a file of its own, for the library too. */
const traces: Plugin = {
  name: "traces",
  setup({ onResolve }) {
    onResolve({ filter: /^@ctxpack\/trace$/ }, () => ({ path: "./trace.cjs", external: true }));
  },
};

/** What only some commands need is a file of its own. */
const apart: Plugin = {
  name: "apart",
  setup({ onResolve }) {
    const external = true;
    onResolve({ filter: /^@ctxpack\/client$/ }, () => ({ path: "./library.cjs", external }));
    onResolve({ filter: /^@ctxpack\/client\/identify$/ }, () => ({
      path: "./identify.cjs",
      external,
    }));
    onResolve({ filter: /^@ctxpack\/client\/list$/ }, () => ({ path: "./list.cjs", external }));
    onResolve({ filter: /^@ctxpack\/client\/report$/ }, () => ({ path: "./report.cjs", external }));
    onResolve({ filter: /^@ctxpack\/client\/proof$/ }, () => ({ path: "./proof.cjs", external }));
    onResolve({ filter: /\/topics\/index\.ts$/ }, ({ kind }) =>
      kind === "entry-point" ? undefined : { path: "./topics.cjs", external },
    );
    onResolve({ filter: /\/mcp\/serve\.ts$/ }, ({ kind }) =>
      kind === "entry-point" ? undefined : { path: "./mcp.cjs", external },
    );
  },
};

/**
 * CommonJS, for that starts quickest: what no command needs is not even parsed, each command is evaluated when it is
 * called, and Node's modules are loaded with who uses them. A pull from the store is in the program itself; beside it lie
 * the identity of a contract, the packs of the store, what proof envelopes and runs of agents need, the whole library, and the threads of these, each in one file: to find and read the twenty
 * of our packages costs ten milliseconds at every start.
 */
export default defineConfig([
  {
    ...bundled,
    entry: { ctxpack: "src/index.ts" },
    format: "cjs",
    shims: true,
    esbuildPlugins: [apart, traces],
  },
  {
    ...bundled,
    entry: {
      identify: "../client/src/identify-file.ts",
      library: "../client/src/index.ts",
      list: "../client/src/list-stored.ts",
      proof: "../client/src/proof/index.ts",
      report: "../client/src/report/page/page.ts",
      trace: "../trace/src/index.ts",
    },
    format: "cjs",
    shims: true,
    clean: false,
    esbuildPlugins: [traces],
  },
  {
    ...bundled,
    entry: { mcp: "src/mcp/serve.ts", topics: "src/topics/index.ts" },
    format: "cjs",
    shims: true,
    clean: false,
    esbuildPlugins: [apart],
  },
  {
    ...bundled,
    splitting: false,
    entry: {
      "ctxpack-tree-worker": "../identity/src/tree/worker.ts",
      "ctxpack-store-worker": "../cache/src/store/threads/worker.ts",
      "ctxpack-hash-worker": "../proof/src/hash/worker.ts",
    },
    clean: false,
  },
]);
