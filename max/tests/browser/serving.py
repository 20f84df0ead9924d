"""How the servers that are visited are started."""

# The name that they give to the demo's adapter.
ADAPTER = "ahoy"
EVERYTHING = (
    *("--enable-structured-output", "--enable-echo"),
    *("--enable-lora", "--lora-paths", f"{ADAPTER}=demo"),
)
