"""The atlas: accuracy against budget for the strategies, measured on a small student over the sandbox's worlds.

`design` says which cells there are and in which order they are measured, `table` keeps them as Parquet and reads them,
`progress` counts them, `measure` makes, trains and scores a batch of them, `build` does so with processes and hours;
`resampled`, `claims` and `scoreboard` say what they show, `views` what one looks at. All but `measure` and `build`
reach no torch.
"""
