/** The end of BENCHMARKS.md. */
export const METHOD = `## Method

- Each row is a command line, timed as a whole process from outside: start of the runtime, work, exit. CPU seconds and peak memory (of the largest single process) come from GNU time.
- The rows of one table are run in turn, round after round, after a round that does not count. What earlier runs wrote is on the disk before the next one starts.
- Medians are shown, with the least and the most of all runs; every sample is in the JSON files. A picture has a bar to the median, a line from the least to the most and a dot for each run.
- Ratios are between rows of one table: one run of the benchmarks, one machine, one hour. Two machines are never compared.
- What was done is checked after the clock: digests by other programs, \`diff -r\` of what was pulled.
- A row **wins** by more than noise if the exact Mann-Whitney test (one-sided; it assumes nothing of the distribution) gives luck a chance of at most 1 in 100 and the median of all quotients of two runs is over 1.10; or 1 in 20 and over 1.25; or 1 in 10 and over 1.50. Where one of the two was run once or twice, only a factor of two counts.
- \`bench compare a.json b.json\` asks the same of each row of ours in two runs, for wall time, CPU seconds and memory (differences of less than 10 ms, 30 ms and 4 MiB are not looked at), once more after dividing by what the peers of the same table did, so that a slower machine is not taken for slower work; and whether bytes and counts grew by more than 1 %. It exits with 1 on any. Of runs that vary by 2 %, one in ten of them up to twice as slow, one comparison in 400 is a false alarm; what takes half as long again is seen in more than four of five comparisons of five runs.
`.trimEnd();
