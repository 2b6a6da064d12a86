// Plain syntax down to Node 12, so that an old Node can say what it lacks instead of failing to parse.
module.exports = function start(name, main) {
  var version = process.versions.node.split(".");
  var major = Number(version[0]);
  var minor = Number(version[1]);

  if (major < 24 || major === 25 || (major === 24 && minor < 15)) {
    console.error(
      `${name} needs Node.js 24.15 or later on 24, or 26 and later; this is ${process.version}`,
    );
    process.exitCode = 2;
    return;
  }
  const argv = process.argv.slice(2);
  const isHelp = argv.includes("--help") || argv.includes("-h");
  // A word that is no command ends with an error, and then nothing is kept.
  const word = /^[a-z]+$/.test(argv[0] || "") && !isHelp ? argv[0] : "none";
  const dist = require("node:path").join(__dirname, "../dist");
  const bundles = require("./code-cache.cjs")(dist, `${name}-${word}`);
  bundles
    .load("ctxpack.cjs")
    [main](argv)
    .then((code) => {
      if (code === 0) bundles.keep();
      // At once: what an exit otherwise waits for, the collector's threads above all, takes 10 ms and is of no use.
      process.exit(code);
    })
    .catch((error) => {
      console.error(error);
      process.exitCode = 70;
    });
};
