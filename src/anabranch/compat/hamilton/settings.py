"""Names of settings that are given as config."""

ENABLE_POWER_USER_MODE = "hamilton.enable_power_user_mode"
"""`resolve` needs it in Hamilton; here it needs nothing, and this is accepted."""
