"""The command line: what people and cron type. Each noun is a module that is imported when it is called."""
